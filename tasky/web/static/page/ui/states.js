// What a view shows while it has nothing to show.
import { html, useEffect, useState } from "../html.js";
import { Icon } from "./icons.js";

/** After a moment only: what comes at once must not flicker. */
export function Loading({ text = "Loading…" }) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 300);
    return () => clearTimeout(timer);
  }, []);
  return html`<div class="state" role="status">
    ${
      late &&
      html`<${Icon} name="spinner" />
        <p>${text}</p>`
    }
  </div>`;
}

/** @param {{error: Error, retry?: () => void}} props */
export function Failure({ error, retry }) {
  return html`<div class="state failure" role="alert">
    <${Icon} name="warning" />
    <p>${error.message}</p>
    ${retry && html`<button type="button" onClick=${retry}>Try again</button>`}
  </div>`;
}

export function Empty({ icon = "info", title, children }) {
  return html`<div class="state empty">
    <${Icon} name=${icon} />
    <h2>${title}</h2>
    ${children && html`<div class="muted">${children}</div>`}
  </div>`;
}
