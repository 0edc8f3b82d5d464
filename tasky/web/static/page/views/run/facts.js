import { html } from "../../html.js";

/** What is known about a worker. */
export function Facts({ worker }) {
  const { usage, timeout, max_tasks: most, running, queued } = worker;
  return html`<section class="worker-facts" aria-label="About this worker">
    ${usage && html`<p class="text usage">${withCode(folded(usage))}</p>`}
    <dl>
      <div>
        <dt>Running</dt>
        <dd class="number">
          ${running}${most > 0 && html`<span class="muted"> of at most ${most}</span>`}
        </dd>
      </div>
      <div>
        <dt>Waiting</dt>
        <dd class="number">${queued}</dd>
      </div>
      <div>
        <dt>Timeout</dt>
        <dd>${timeout ?? "none"}</dd>
      </div>
    </dl>
  </section>`;
}

/** Lines that were broken for an editor flow again; an empty line, and lines that are set in, stay. */
function folded(text) {
  return text.trim().replace(/([^\n])\n(?=[^\s*-])/g, "$1 ");
}

/** `Names` as they are written in most such texts. */
function withCode(text) {
  return text.split(/`([^`\n]+)`/).map((part, at) => (at % 2 ? html`<code>${part}</code>` : part));
}
