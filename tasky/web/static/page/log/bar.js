// What one can do with a log: look for a text, wrap lines, show times, follow, take it away.
import { html, useEffect, useState } from "../html.js";
import { url } from "../api.js";
import { count } from "../format.js";
import { Icon } from "../ui/icons.js";

const PAUSE = 250;

/** @param {{onText: (text: string) => void, search: import("./search.js").Search | null}} props */
export function SearchField({ onText, search }) {
  const [typed, setTyped] = useState("");
  useEffect(() => {
    const timer = setTimeout(onText, PAUSE, typed);
    return () => clearTimeout(timer);
  }, [typed]);
  const onKeyDown = (event) => {
    if (event.key === "Enter") search?.step(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape" && typed) setTyped("");
    else if (event.key === "Escape") event.currentTarget.blur();
    else return;
    event.preventDefault();
  };
  const isNone = !search?.count;
  return html`<div class="log-search" role="search">
    <input
      type="search"
      data-search
      aria-label="Search the log"
      placeholder="Search the log"
      maxlength="200"
      value=${typed}
      spellcheck=${false}
      autocomplete="off"
      onInput=${(event) => setTyped(event.currentTarget.value)}
      onKeyDown=${onKeyDown}
    />
    <span class="log-found number" role="status">${search && inWords(search)}</span>
    <button
      type="button"
      class="quiet icon-only"
      aria-label="Previous match"
      title="Previous match (Shift+Enter)"
      disabled=${isNone}
      onClick=${() => search.step(-1)}
    >
      <${Icon} name="up" />
    </button>
    <button
      type="button"
      class="quiet icon-only"
      aria-label="Next match"
      title="Next match (Enter)"
      disabled=${isNone}
      onClick=${() => search.step(1)}
    >
      <${Icon} name="down" />
    </button>
  </div>`;
}

function inWords(search) {
  if (search.error) return search.error.message;
  if (search.count)
    return `${count(search.rank)} of ${count(search.count)}${search.isDone ? "" : "+"}`;
  return search.isDone ? "none" : `${Math.floor(100 * search.done)} %`;
}

/** @param {{label: string, isOn: boolean, onToggle: () => void, title: string}} props */
export function Toggle({ label, isOn, onToggle, title }) {
  return html`<button
    type="button"
    class="toggle"
    aria-pressed=${isOn}
    title=${title}
    onClick=${onToggle}
  >
    ${label}
  </button>`;
}

/** Whether one follows what comes. Of a task that has ended: to the beginning and to the end. */
export function Ends({ place, isKnown, isLive, isFollowing }) {
  if (isLive) {
    return html`<${Toggle}
      label="Follow"
      title="Follow what comes, or stay (f)"
      isOn=${isFollowing}
      onToggle=${() => place.follow(!isFollowing)}
    />`;
  }
  return html`<button type="button" class="quiet" disabled=${!isKnown} onClick=${() => place.toStart()}>Start</button>
    <button type="button" class="quiet" disabled=${!isKnown} onClick=${() => place.toEnd()}>End</button>`;
}

/** Where there were several. */
export function Attempts({ attempts, selected, onSelect }) {
  if (attempts.length < 2) return null;
  const onChange = (event) => onSelect(Number(event.currentTarget.value) || undefined);
  return html`<select aria-label="Attempt" value=${selected ?? ""} onChange=${onChange}>
    <option value="">All attempts</option>
    ${attempts.map((each) => html`<option value=${each.Number}>Attempt ${each.Number}</option>`)}
  </select>`;
}

export function Download({ id, attempt }) {
  return html`<a
    class="button quiet icon-only"
    href=${url("tasks", id, "log", { attempt })}
    download=${`${id}.log`}
    aria-label="Download the log"
    title="Download the log"
    ><${Icon} name="download"
  /></a>`;
}
