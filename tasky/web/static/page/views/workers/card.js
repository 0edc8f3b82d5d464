import { html } from "../../html.js";
import { plural } from "../../format.js";
import { href } from "../../router.js";
import { Time } from "../../ui/time.js";

/** One worker. All of the card leads to its form. */
export function WorkerCard({ worker }) {
  const { name, description, status, running, queued, recent = [], next_run: next } = worker;
  return html`<li class=${`card worker ${status === "Enabled" ? "" : "off"}`}>
    <div class="worker-top">
      <h2><a class="worker-link" href=${href("workers", name)}>${name}</a></h2>
      ${status !== "Enabled" && html`<span class="tag">disabled</span>`}
      <span class="worker-counts">
        <${Count} worker=${name} status="Running" number=${running} word="running" />
        <${Count} worker=${name} status="Queued" number=${queued} word="waiting" />
      </span>
    </div>
    <p class="worker-about">${description || "No description"}</p>
    <div class="worker-bottom">
      ${
        recent.length === 0
          ? html`<span class="muted small">Never run</span>`
          : html`<a
                class="strip"
                href=${href("tasks", { worker: name })}
                aria-label=${`${inWords(recent)}. Show them`}
                title=${inWords(recent)}
              >
                ${recent.toReversed().map(bar)}
              </a>
              <span class="muted small"><${Time} value=${recent[0].Created} relative /></span>`
      }
      ${
        next &&
        status === "Enabled" &&
        html`<span class="muted small worker-next">Due <${Time} value=${next} relative /></span>`
      }
    </div>
  </li>`;
}

function Count({ worker, status, number, word }) {
  if (number === 0) return null;
  const address = href("tasks", { worker, status });
  return html`<a class=${`status-${status}`} href=${address}>${number} ${word}</a>`;
}

function bar({ TaskId, Status }) {
  return html`<span key=${TaskId} class=${`status-${Status}`}></span>`;
}

/** What the strip shows: 3 failed, 9 completed of the last 12. */
function inWords(recent) {
  const counts = Object.entries(Object.groupBy(recent, ({ Status }) => Status));
  const parts = counts.map(([status, tasks]) => `${tasks.length} ${status.toLowerCase()}`);
  return `The last ${plural(recent.length, "task")}: ${parts.join(", ")}`;
}
