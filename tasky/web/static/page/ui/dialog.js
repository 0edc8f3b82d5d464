// Dialogs: the browser's own, which keep the focus inside and close on Escape.
import { html, useEffect, useId, useRef } from "../html.js";
import { createStore, useStore } from "../store.js";
import { CloseButton } from "./close.js";

/** @param {{title: string, onClose?: () => void, children: unknown, wide?: boolean}} props without onClose, it stays */
export function Dialog({ title, onClose, children, wide = false }) {
  const element = useRef(null);
  const name = useId();
  useEffect(() => {
    const dialog = element.current;
    dialog.showModal();
    return () => dialog.close();
  }, []);
  const outside = (event) => event.target === element.current && onClose?.();
  return html`<dialog
    ref=${element}
    class=${wide ? "wide" : ""}
    aria-labelledby=${name}
    onMouseDown=${outside}
    onCancel=${(event) => {
      event.preventDefault();
      onClose?.();
    }}
  >
    <header>
      <h2 id=${name}>${title}</h2>
      ${onClose && html`<${CloseButton} onClick=${onClose} />`}
    </header>
    ${children}
  </dialog>`;
}

/**
 * @typedef {{title: string, text: unknown, action: string, danger: boolean,
 *   answer: (is: boolean) => void}} Question
 */
const asked = createStore(/** @type {Question | null} */ (null));

/**
 * Asks before something is lost: if (await confirm({title: "Cancel the task?", text: "…", action: "Cancel task"})) …
 * @param {{title: string, text?: unknown, action: string, danger?: boolean}} question
 * @returns {Promise<boolean>}
 */
export function confirm({ title, text = "", action, danger = true }) {
  asked.get()?.answer(false);
  return new Promise((resolve) => {
    const answer = (is) => {
      asked.set(null);
      resolve(is);
    };
    asked.set({ title, text, action, danger, answer });
  });
}

/** Where the questions of `confirm` are shown; there is one in the page. */
export function DialogHost() {
  const question = useStore(asked);
  if (!question) return null;
  const { title, text, action, danger, answer } = question;
  return html`<${Dialog} title=${title} onClose=${() => answer(false)}>
    <div class="dialog-text">${text}</div>
    <footer>
      <button type="button" onClick=${() => answer(false)}>Keep it</button>
      <button
        type="button"
        class=${danger ? "danger" : "primary"}
        autofocus
        onClick=${() => answer(true)}
      >
        ${action}
      </button>
    </footer>
  <//>`;
}
