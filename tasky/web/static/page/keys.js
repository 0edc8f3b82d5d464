// The keyboard: single keys, where nobody types, and what the page of help says about them.
import { useLayoutEffect, useRef } from "./html.js";

/**
 * @typedef {{keys: string, does: string}} Help
 * @typedef {Record<string, (event: KeyboardEvent) => void>} Bindings by key ("j", "Enter"), or two in a row ("g t")
 */

const IN_A_ROW = 1200;
/** @type {{bindings: Bindings, help: Help[]}[]} the latest first: a view goes before the page around it */
const layers = [];
let first = "";
let firstAt = 0;

function isTyped(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  return target.closest("input, textarea, select, [contenteditable]") !== null;
}

/** Enter and space belong to what has the focus, if that does something with them. */
function isPressed(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  return (
    (event.key === "Enter" || event.key === " ") &&
    target.closest("a, button, summary, [role=tab]") !== null
  );
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (document.querySelector("dialog[open]") || isTyped(event) || isPressed(event)) return;
  const pair = event.timeStamp - firstAt < IN_A_ROW ? `${first} ${event.key}` : "";
  first = event.key;
  firstAt = event.timeStamp;
  for (const name of [pair, event.key]) {
    const layer = layers.find(({ bindings }) => name in bindings);
    if (layer === undefined) continue;
    event.preventDefault();
    layer.bindings[name](event);
    return;
  }
});

/**
 * Binds keys as long as the component is there.
 * @param {Bindings} bindings
 * @param {Help[]} [help] what the page of help says
 */
export function useKeys(bindings, help = []) {
  const layer = useRef({ bindings, help });
  layer.current.bindings = bindings;
  layer.current.help = help;
  // At once: what one sees has its keys.
  useLayoutEffect(() => {
    layers.unshift(layer.current);
    return () => layers.splice(layers.indexOf(layer.current), 1);
  }, []);
}

/** @returns {Help[]} of everything that is bound now */
export function allKeys() {
  return layers.flatMap(({ help }) => help);
}

/** Moves to the search field of the view, if it has one: data-search marks it. */
export function focusSearch() {
  /** @type {HTMLInputElement | null} */ (document.querySelector("[data-search]"))?.select();
  /** @type {HTMLInputElement | null} */ (document.querySelector("[data-search]"))?.focus();
}
