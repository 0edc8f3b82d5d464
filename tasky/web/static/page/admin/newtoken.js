import { post, url } from "../api.js";
import { html, useId, useState } from "../html.js";
import { CopyButton } from "../ui/copy.js";
import { Dialog } from "../ui/dialog.js";

const LIVES = { "30d": "30 days", "90d": "90 days", "365d": "a year", "": "for ever" };

/** Asks what the token is to be like; then shows it, this one time. */
export function NewToken({ onMade, onClose }) {
  const [made, setMade] = useState(null);
  const done = (token) => {
    setMade(token);
    onMade();
  };
  return html`<${Dialog} title=${made ? `The token ${made.name}` : "New token"} onClose=${onClose}>
    ${made ? html`<${Shown} token=${made.token} onClose=${onClose} />` : html`<${Questions} onMade=${done} onClose=${onClose} />`}
  <//>`;
}

function Questions({ onMade, onClose }) {
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState("read");
  const [expires, setExpires] = useState("90d");
  const [errors, setErrors] = useState({});
  const submit = async (event) => {
    event.preventDefault();
    try {
      const wanted = { name: name.trim(), scopes: scopes.split(/[\s,]+/).filter(Boolean) };
      onMade(await post(url("tokens"), { json: expires ? { ...wanted, expires } : wanted }));
    } catch (error) {
      setErrors(byField(error));
    }
  };
  return html`<form onSubmit=${submit} novalidate>
    <div class="dialog-text fields">
      <${Field}
        label="Name"
        error=${errors.name}
        help="Whom, or what, it is for: it stands beside everything that is done with it."
      >
        ${(about) =>
          html`<input
            ...${about}
            value=${name}
            autofocus
            autocomplete="off"
            spellcheck=${false}
            maxlength="64"
            onInput=${(event) => setName(event.currentTarget.value)}
          />`}
      <//>
      <${Field}
        label="Scopes"
        error=${errors.scopes}
        help="read, run:WORKER, cancel or admin, with spaces between them; run:* is all workers."
      >
        ${(about) =>
          html`<input
            ...${about}
            class="mono"
            value=${scopes}
            autocomplete="off"
            spellcheck=${false}
            onInput=${(event) => setScopes(event.currentTarget.value)}
          />`}
      <//>
      <${Field} label="Good for" error=${errors.expires}>
        ${(about) =>
          html`<select
            ...${about}
            value=${expires}
            onChange=${(event) => setExpires(event.currentTarget.value)}
          >
            ${Object.entries(LIVES).map(([value, words]) => html`<option key=${value} value=${value}>${words}</option>`)}
          </select>`}
      <//>
      <p class="field-error" role="alert">${errors[""]}</p>
    </div>
    <footer>
      <button type="button" onClick=${onClose}>Cancel</button>
      <button class="primary">Make it</button>
    </footer>
  </form>`;
}

function Field({ label, error = "", help = "", children }) {
  const id = useId();
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${children({ id, "aria-invalid": Boolean(error), "aria-describedby": `${id}-about` })}
    <p id=${`${id}-about`} class=${error ? "field-error" : "muted small"}>${error || help}</p>
  </div>`;
}

/** What is wrong, by the first word of its pointer; what is about no field stands at the end. */
function byField(error) {
  const found = {};
  for (const { pointer = "", detail } of error.errors ?? []) {
    const name = pointer.split("/")[1] ?? "";
    found[["name", "scopes", "expires"].includes(name) ? name : ""] ??= detail;
  }
  return Object.keys(found).length ? found : { "": error.message };
}

function Shown({ token, onClose }) {
  return html` <div class="dialog-text">
      <p>Copy it now: it is shown this one time, and kept nowhere.</p>
      <div class="secret">
        <code>${token}</code><${CopyButton} text=${token} label="Copy the token" />
      </div>
    </div>
    <footer>
      <button type="button" class="primary" autofocus onClick=${onClose}>Done</button>
    </footer>`;
}
