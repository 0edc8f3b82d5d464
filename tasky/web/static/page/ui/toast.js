// Short notes of what was done, or was not; they go by themselves, errors when they are closed.
import { html } from "../html.js";
import { createStore, useStore } from "../store.js";
import { CloseButton } from "./close.js";
import { Icon } from "./icons.js";

const SHOWN = 6000;
const toasts = createStore([]);
let number = 0;

/**
 * @param {unknown} text
 * @param {{kind?: "info" | "error"}} [options]
 */
export function toast(text, { kind = "info" } = {}) {
  const id = ++number;
  toasts.set([...toasts.get(), { id, text, kind }].slice(-4));
  if (kind !== "error") setTimeout(close, SHOWN, id);
}

/** Says why something was not done: promise.catch(toastError). */
export function toastError(error) {
  if (error.name !== "AbortError") toast(error.message, { kind: "error" });
}

function close(id) {
  toasts.set(toasts.get().filter((each) => each.id !== id));
}

export function ToastHost() {
  const shown = useStore(toasts);
  return html`<div class="toasts" role="status" aria-live="polite">
    ${shown.map(
      ({ id, text, kind }) =>
        html`<div key=${id} class=${`toast ${kind}`}>
          <${Icon} name=${kind === "error" ? "warning" : "check"} />
          <div>${text}</div>
          <${CloseButton} onClick=${() => close(id)} />
        </div>`,
    )}
  </div>`;
}
