// What the list of tasks is about. All of it is in the address, so that it can be kept and sent.
import { html, useEffect, useRef, useState } from "../html.js";
import { get, url } from "../api.js";
import { useData } from "../data.js";
import { href, replace } from "../router.js";
import { STATUSES } from "../ui/badge.js";
import { Icon } from "../ui/icons.js";

export const SIZES = [50, 100, 250];
export const SIZE = 50;
const PAUSE = 250;

/**
 * @typedef {{status: string[], worker: string, label: string[], text: string, after: string, limit: number}} Filters
 * @param {URLSearchParams} query
 * @returns {Filters}
 */
export function readFilters(query) {
  const limit = Number(query.get("limit"));
  return {
    status: query.getAll("status").filter((each) => STATUSES.includes(each)),
    worker: query.get("worker") ?? "",
    label: query.getAll("label"),
    text: (query.get("text") ?? "").slice(0, 200),
    after: query.get("after") ?? "",
    limit: SIZES.includes(limit) ? limit : SIZE,
  };
}

export function addressOf({ limit, ...filters }) {
  return href("tasks", { ...filters, limit: limit === SIZE ? "" : limit });
}

export function isFiltered({ status, worker, label, text }) {
  return Boolean(status.length || worker || label.length || text);
}

/** @param {{filters: Filters}} props */
export function FilterBar({ filters }) {
  const { data: workers } = useData((signal) => get(url("workers"), { signal }), []);
  const change = (what) => replace(addressOf({ ...filters, after: "", ...what }));
  const toggle = (status) =>
    change({
      status: filters.status.includes(status)
        ? filters.status.filter((each) => each !== status)
        : [...filters.status, status],
    });
  const names = new Set((workers ?? []).map(({ name }) => name));
  if (filters.worker) names.add(filters.worker);
  return html`<form
    class="filters"
    role="search"
    aria-label="Filter the tasks"
    onSubmit=${(event) => event.preventDefault()}
  >
    <${TextField} value=${filters.text} onText=${(text) => change({ text })} />
    <select
      aria-label="Worker"
      value=${filters.worker}
      onChange=${(event) => change({ worker: event.currentTarget.value })}
    >
      <option value="">All workers</option>
      ${[...names].sort().map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
    </select>
    <${LabelField}
      onLabel=${(label) => change({ label: [...new Set([...filters.label, label])] })}
    />
    <div class="chips" role="group" aria-label="Status">
      ${STATUSES.map(
        (status) =>
          html`<button
            key=${status}
            type="button"
            class=${`chip status-${status}`}
            aria-pressed=${filters.status.includes(status)}
            onClick=${() => toggle(status)}
          >
            ${status}
          </button>`,
      )}
      ${filters.label.map(
        (label) =>
          html`<button
            key=${`:${label}`}
            type="button"
            class="chip label"
            aria-pressed="true"
            aria-label=${`Without the label ${label}`}
            onClick=${() => change({ label: filters.label.filter((each) => each !== label) })}
          >
            <bdi>${label}</bdi><${Icon} name="cross" />
          </button>`,
      )}
      ${
        isFiltered(filters) &&
        html`<button type="button" class="quiet" onClick=${() => replace(href("tasks"))}>
          Clear all
        </button>`
      }
    </div>
  </form>`;
}

/** The list follows a moment after one has typed. */
function TextField({ value, onText }) {
  const [typed, setTyped] = useState(value);
  const sent = useRef(value);
  useEffect(() => {
    if (value !== sent.current) setTyped(value);
    sent.current = value;
  }, [value]);
  useEffect(() => {
    const text = typed.trim();
    if (text === sent.current) return undefined;
    const timer = setTimeout(() => {
      sent.current = text;
      onText(text);
    }, PAUSE);
    return () => clearTimeout(timer);
  }, [typed]);
  const onKeyDown = (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    if (typed) setTyped("");
    else event.currentTarget.blur();
  };
  return html`<div class="search">
    <${Icon} name="search" />
    <input
      type="search"
      data-search
      aria-label="Text in id, worker, labels, progress or error"
      placeholder="Search tasks"
      maxlength="200"
      autocomplete="off"
      spellcheck=${false}
      value=${typed}
      onInput=${(event) => setTyped(event.currentTarget.value)}
      onKeyDown=${onKeyDown}
    />
    <kbd>/</kbd>
  </div>`;
}

function LabelField({ onLabel }) {
  const [wrong, setWrong] = useState(false);
  const onKeyDown = (event) => {
    if (event.key !== "Enter") return;
    const label = event.currentTarget.value.trim();
    event.preventDefault();
    setWrong(!/^[^:]+:/.test(label));
    if (!/^[^:]+:/.test(label)) return;
    event.currentTarget.value = "";
    onLabel(label);
  };
  return html`<input
    class="label-field"
    aria-label="Label, as key:value, then Enter"
    placeholder="Label key:value"
    maxlength="265"
    autocomplete="off"
    spellcheck=${false}
    aria-invalid=${wrong}
    onInput=${() => setWrong(false)}
    onKeyDown=${onKeyDown}
  />`;
}
