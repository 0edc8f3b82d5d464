// JSON as a tree that opens where one wants to look. Only what is open is in the page, and of long lists a part.
import { html, useState } from "../html.js";
import { count } from "../format.js";
import { Icon } from "./icons.js";

const PART = 100;
const LONG = 2000;
/** Open at the beginning: what is this near the top and this small. */
const OPEN_DEPTH = 2;
const OPEN_SIZE = 30;

/** @param {{value: unknown, label?: string}} props */
export function Json({ value, label = "JSON" }) {
  return html`<div class="json" role="group" aria-label=${label}>
    <${Node} value=${value} depth=${0} />
  </div>`;
}

function Node({ name, value, depth }) {
  if (value !== null && typeof value === "object")
    return html`<${Branch} name=${name} value=${value} depth=${depth} />`;
  return html`<div class="json-leaf"><${Name} name=${name} /><${Scalar} value=${value} /></div>`;
}

function Name({ name }) {
  return name === undefined
    ? null
    : html`<bdi class="json-name">${name}</bdi><span class="json-mark">: </span>`;
}

function Branch({ name, value, depth }) {
  const isList = Array.isArray(value);
  const size = isList ? value.length : Object.keys(value).length;
  const [open, setOpen] = useState(depth < OPEN_DEPTH && (size <= OPEN_SIZE || depth === 0));
  const [shown, setShown] = useState(PART);
  const brackets = isList ? "[]" : "{}";
  if (size === 0)
    return html`<div class="json-leaf">
      <${Name} name=${name} /><span class="json-mark">${brackets}</span>
    </div>`;
  const entries = () =>
    isList ? value.slice(0, shown).entries() : Object.entries(value).slice(0, shown);
  const toggle = () => setOpen(!open);
  const child = ([key, each]) =>
    html`<${Node} key=${key} name=${key} value=${each} depth=${depth + 1} />`;
  return html`<div class="json-branch">
    <button type="button" class="json-toggle" aria-expanded=${open} onClick=${toggle}>
      <${Icon} name=${open ? "down" : "right"} /><${Name} name=${name} />
      <span class="json-mark">${brackets[0]}${open ? "" : "…"}${open ? "" : brackets[1]}</span>
      <span class="json-size">${count(size)}</span>
    </button>
    ${
      open &&
      html`<div class="json-children">
        ${[...entries()].map(child)}
        ${
          shown < size &&
          html`<button type="button" class="quiet" onClick=${() => setShown(shown + 10 * PART)}>
            ${count(size - shown)} more
          </button>`
        }
      </div>`
    }
  </div>`;
}

/** A value that has nothing inside: links only where they lead to the web. */
export function Scalar({ value }) {
  const [whole, setWhole] = useState(false);
  if (typeof value !== "string")
    return html`<span class=${`json-${value === null ? "null" : typeof value}`}
      >${String(value)}</span
    >`;
  if (isLink(value))
    return html`<a href=${value} target="_blank" rel="noopener noreferrer"><bdi>${value}</bdi></a>`;
  const cut = !whole && value.length > LONG;
  return html`<bdi class="json-string">${cut ? value.slice(0, LONG) : value}</bdi>${
      cut &&
      html` <button type="button" class="quiet" onClick=${() => setWhole(true)}>
        … ${count(value.length - LONG)} more characters
      </button>`
    }`;
}

export function isLink(text) {
  return text.length < LONG && /^https?:\/\/[^\s]+$/i.test(text) && URL.canParse(text);
}
