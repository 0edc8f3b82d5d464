// Addresses of the page: they are behind the #, so that the server needs to know none of them, and can be kept, sent
// and reloaded: #/tasks?status=Running, #/tasks/01a2…, #/workers/sleeper.
import { createStore, useStore } from "./store.js";

/**
 * @typedef {{path: string[], query: URLSearchParams, href: string}} Route
 */

/** @returns {Route} */
function read() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  const words = path.split("/").filter(Boolean).map(decode);
  return { path: words, query: new URLSearchParams(query), href: location.hash || "#/" };
}

function decode(word) {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}

export const route = createStore(read());
/** @type {Set<(isBack: boolean) => void>} */
const listeners = new Set();
/** A link leads there, or we: it is no step in the history. */
let following = false;

addEventListener("click", (event) => {
  const link = /** @type {Element} */ (event.target).closest('a[href^="#/"]');
  following = link !== null && !event.ctrlKey && !event.metaKey && !event.shiftKey;
});

addEventListener("hashchange", () => {
  const before = route.get().path.join("/");
  const isBack = !following;
  following = false;
  route.set(read());
  if (route.get().path.join("/") === before) return;
  for (const each of listeners) each(isBack);
});

/**
 * Calls `listener` whenever somebody has come to another view; or back to one, or on again.
 * @param {(isBack: boolean) => void} listener
 * @returns {() => void} ends it
 */
export function onMove(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useRoute() {
  return useStore(route);
}

/**
 * The address of a view: href("tasks", id), href("tasks", {status: "Running"}).
 * @returns {string}
 */
export function href(...words) {
  const options = typeof words.at(-1) === "object" ? words.pop() : {};
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(options ?? {})) {
    for (const each of [].concat(value ?? [])) if (each !== "") query.append(key, each);
  }
  const path = `#/${words.map(encodeURIComponent).join("/")}`;
  return query.size ? `${path}?${query}` : path;
}

/** Goes to an address of `href`, as a link to it does. */
export function navigate(address) {
  following = true;
  location.hash = address;
}

/** Changes the address without a step back in the history: for filters, while one types. */
export function replace(address) {
  history.replaceState(null, "", address);
  route.set(read());
}
