import { html } from "./html.js";
import { allKeys } from "./keys.js";
import { Dialog } from "./ui/dialog.js";

export function KeysDialog({ onClose }) {
  return html`<${Dialog} title="Keyboard" onClose=${onClose}>
    <dl class="keys">
      ${allKeys().map(
        ({ keys, does }) =>
          html`<div key=${keys}>
            <dt>${keys.split(" ").map((key) => html`<kbd>${key}</kbd>`)}</dt>
            <dd>${does}</dd>
          </div>`,
      )}
    </dl>
  <//>`;
}
