// How the server is: whether it takes tasks, what its log has, and what a look at everything that it depends on finds.
import { get, post, url } from "../api.js";
import { useData } from "../data.js";
import { plural } from "../format.js";
import { html, useId } from "../html.js";
import { Icon } from "../ui/icons.js";
import { Failure, Loading } from "../ui/states.js";
import { toast, toastError } from "../ui/toast.js";

const READY = new URL("readyz", document.baseURI).href;
const STATES = {
  ready: { tone: "tone-ok", icon: "check", says: "It takes tasks." },
  degraded: { tone: "tone-warn", icon: "warning", says: "It takes tasks, but something is wrong." },
  blocked: { tone: "tone-bad", icon: "cross", says: "No task can be stored, so it takes none." },
  draining: { tone: "tone-warn", icon: "stop", says: "It shuts down." },
};
const VERDICTS = {
  problem: { tone: "tone-bad", icon: "cross" },
  warning: { tone: "tone-warn", icon: "warning" },
  skipped: { tone: "tone-none", icon: "slash" },
  ok: { tone: "tone-ok", icon: "check" },
};

export function Server() {
  return html`<${Readiness} /><${LogLevel} /><${Doctor} />`;
}

/** A server that takes no tasks says so with an error, which has the same document. */
async function readReadiness(signal) {
  try {
    return await get(READY, { signal });
  } catch (error) {
    if (error.status === 503 && error.body?.status) return error.body;
    throw error;
  }
}

function Readiness() {
  const { data, error, reload } = useData(readReadiness, []);
  if (error) return html`<${Failure} error=${error} retry=${reload} />`;
  if (!data) return html`<${Loading} />`;
  const { tone, icon, says } = STATES[data.status] ?? { tone: "tone-none", icon: "info", says: "" };
  const controllers = data.controllers?.length ? data.controllers.join(", ") : "no controllers";
  return html`<section class="card padded" aria-labelledby="readiness">
    <h2 id="readiness" class=${`verdict ${tone}`}><${Icon} name=${icon} />${data.status}</h2>
    <p>${says}</p>
    ${data.containment && html`<p class="muted small">Processes of tasks are held together by ${data.containment} (${controllers}).</p>`}
    ${
      data.troubles?.length > 0 &&
      html`<ul>
        ${data.troubles.map(({ kind, detail }) => html`<li key=${detail}><b>${kind}</b>: ${detail}</li>`)}
      </ul>`
    }
  </section>`;
}

const LEVELS = ["debug", "info", "warning", "error"];

function LogLevel() {
  const id = useId();
  const { data, error, change, reload } = useData(
    (signal) => get(url("log-level"), { signal }),
    [],
  );
  if (error) return html`<${Failure} error=${error} retry=${reload} />`;
  if (!data) return null;
  const set = (event) =>
    post(url("log-level"), { json: { level: event.currentTarget.value } }).then((now) => {
      change(() => now);
      toast(`The server's log has the level ${now.level}.`);
    }, toastError);
  return html`<section class="card padded line" aria-label="Log">
    <div>
      <label for=${id}>The server's own log</label>
      <p class="muted small">Until it is started again.</p>
    </div>
    <select id=${id} class="server-level" value=${data.level} onChange=${set}>
      ${LEVELS.map((level) => html`<option key=${level} value=${level}>${level}</option>`)}
    </select>
  </section>`;
}

function Doctor() {
  const { data, error, loading, reload } = useData((signal) => get(url("doctor"), { signal }), []);
  return html`<section class="block" aria-labelledby="doctor">
    <div class="line before">
      <h2 id="doctor">What the server depends on</h2>
      <span class="muted small" role="status"
        >${loading ? "Looking…" : data && inShort(data.findings)}</span
      >
      <button type="button" aria-disabled=${loading} onClick=${() => loading || reload()}>
        <${Icon} name="restart" />Look again
      </button>
    </div>
    ${error && html`<${Failure} error=${error} retry=${reload} />`}
    ${!data && !error && html`<${Loading} text="Looking at everything that the server depends on…" />`}
    ${
      data &&
      html`<ul class="card findings">
        ${data.findings.map(finding)}
      </ul>`
    }
  </section>`;
}

function finding({ verdict, subject, message }, number) {
  const { tone, icon } = VERDICTS[verdict] ?? { tone: "tone-none", icon: "info" };
  return html`<li key=${number} class=${tone}>
    <span class="verdict"><${Icon} name=${icon} />${verdict}</span><b>${subject}</b
    ><span>${message}</span>
  </li>`;
}

function inShort(findings) {
  const many = (verdict) => findings.filter((each) => each.verdict === verdict).length;
  return `${plural(many("problem"), "problem")}, ${plural(many("warning"), "warning")}`;
}
