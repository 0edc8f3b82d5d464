import { html } from "../../html.js";
import { href } from "../../router.js";
import { Time } from "../../ui/time.js";

/** What is known about a worker. */
export function Facts({ worker }) {
  const { usage, timeout, max_tasks: most, running, queued, steps, schedule } = worker;
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
    ${steps && html`<${Steps} steps=${steps} />`}
    ${schedule && html`<${Schedule} schedule=${schedule} enabled=${worker.status === "Enabled"} />`}
  </section>`;
}

function Steps({ steps }) {
  return html`<h2>Steps</h2>
    <ol class="worker-steps">
      ${steps.map(
        ({ name, worker, needs, finally: isLast }) =>
          html`<li key=${name}>
            <b>${name}</b> <a href=${href("workers", worker)}>${worker}</a>
            ${needs.length > 0 && html` <span class="muted small">after ${needs.join(", ")}</span>`}
            ${isLast && html` <span class="tag">finally</span>`}
          </li>`,
      )}
    </ol>`;
}

function Schedule({ schedule, enabled }) {
  const { cron, time_zone: zone, every, overlap, catch_up: missed, next } = schedule;
  return html`<h2>Schedule</h2>
    <dl>
      <div>
        <dt>${cron ? "Cron" : "Every"}</dt>
        <dd class="mono">${cron ? `${cron} (${zone})` : every}</dd>
      </div>
      <div>
        <dt>While one runs</dt>
        <dd>${overlap}</dd>
      </div>
      <div>
        <dt>Missed runs</dt>
        <dd>${missed}</dd>
      </div>
    </dl>
    <h3>Next runs</h3>
    ${
      enabled
        ? html`<ol class="worker-runs">
            ${next.map((at) => html`<li key=${at}><${Time} value=${at} /></li>`)}
          </ol>`
        : html`<p class="muted">None, as long as it is disabled.</p>`
    }`;
}

/** Lines that were broken for an editor flow again; an empty line, and lines that are set in, stay. */
function folded(text) {
  return text.trim().replace(/([^\n])\n(?=[^\s*-])/g, "$1 ");
}

/** `Names` as they are written in most such texts. */
function withCode(text) {
  return text.split(/`([^`\n]+)`/).map((part, at) => (at % 2 ? html`<code>${part}</code>` : part));
}
