import { html } from "./html.js";
import { allKeys } from "./keys.js";
import { url } from "./api.js";
import { Dialog } from "./ui/dialog.js";

/** The keys that do something now, and where one can read more. */
export function HelpDialog({ onClose }) {
  const row = ({ keys, does }) =>
    html`<div key=${keys}>
      <dt>${keys.split(" ").map((key) => html`<kbd>${key}</kbd>`)}</dt>
      <dd>${does}</dd>
    </div>`;
  return html`<${Dialog} title="Help" onClose=${onClose}>
    <div class="dialog-text">
      <dl class="keys">${allKeys().map(row)}</dl>
      <p class="help-more">
        All of this can be done <a href=${url("docs", "")}>over the API</a>, too.
      </p>
    </div>
  <//>`;
}
