// What runs now, and what has happened lately.
import { get, url } from "../api.js";
import { useData } from "../data.js";
import { count, plural } from "../format.js";
import { useFresh } from "../fresh.js";
import { html, useEffect, useRef } from "../html.js";
import { Plot } from "../overview/plot.js";
import { SlowestWorkers } from "../overview/workers.js";
import { href, replace } from "../router.js";
import { useTasks } from "../tasks/list.js";
import { TaskTable } from "../tasks/rows.js";
import { Empty, Failure, Loading } from "../ui/states.js";

export const title = () => "Overview";

const WINDOWS = { "15m": "15 minutes", "2h": "2 hours", "24h": "24 hours" };
const USUAL = "2h";
const AGAIN = 10_000;
const SHOWN = 8;
const UNDER_WAY = {
  status: ["Running", "Paused", "Canceling"],
  worker: "",
  label: [],
  text: "",
  after: "",
  limit: SHOWN,
};
const ENDS = [
  { key: "Completed", name: "Completed", tone: "tone-ok" },
  { key: "Failed", name: "Failed", tone: "tone-bad" },
  { key: "Canceled", name: "Canceled", tone: "tone-none" },
];
const LOAD = [
  { key: "Running", name: "Running", tone: "tone-accent" },
  { key: "Queued", name: "Queued", tone: "tone-warn" },
];

export function View({ query }) {
  const wanted = query.get("window");
  const span = Object.hasOwn(WINDOWS, wanted) ? wanted : USUAL;
  const { data, error, reload } = useData(
    (signal) => get(url("overview", { window: span }), { signal }),
    [span],
  );
  useFresh(reload);
  useInterval(reload, AGAIN);
  return html` <div class="head">
      <h1>Overview</h1>
      <${Spans} selected=${span} />
    </div>
    ${error && html`<${Failure} error=${error} retry=${reload} />`}
    ${!data && !error && html`<${Loading} />`}
    ${
      data &&
      html`<${Figures} overview=${data} span=${WINDOWS[span]} />
        <div class="plots">
          <${Plot} title="Tasks that ended" points=${data.Points} series=${ENDS} kind="bars" />
          <${Plot} title="Running and queued" points=${data.Points} series=${LOAD} kind="lines" />
        </div>
        <${RunningNow} total=${data.Running} />
        <section class="block" aria-labelledby="slowest">
          <h2 id="slowest">
            Slowest workers <span class="muted small">of the last ${WINDOWS[span]}</span>
          </h2>
          ${
            data.Workers.length
              ? html`<${SlowestWorkers} workers=${data.Workers} />`
              : html`<${Empty} icon="workers" title="Nothing has run lately"
                  >Choose a <a href=${href("workers")}>worker</a>, and run it.<//
                >`
          }
        </section>`
    }`;
}

/** Time goes on also where nothing happens. */
function useInterval(call, pause) {
  const latest = useRef(call);
  latest.current = call;
  useEffect(() => {
    const timer = setInterval(() => document.hidden || latest.current(), pause);
    return () => clearInterval(timer);
  }, []);
}

function Spans({ selected }) {
  return html`<div class="spans" role="group" aria-label="How far back">
    ${Object.entries(WINDOWS).map(
      ([key, name]) =>
        html`<button
          key=${key}
          type="button"
          aria-pressed=${key === selected}
          onClick=${() => replace(href({ window: key === USUAL ? "" : key }))}
        >
          ${name}
        </button>`,
    )}
  </div>`;
}

function Figures({ overview, span }) {
  const sum = (key) => overview.Workers.reduce((total, worker) => total + worker[key], 0);
  const [completed, failed, canceled] = [sum("Completed"), sum("Failed"), sum("Canceled")];
  const ended = completed + failed + canceled;
  return html`<dl class="figures">
    <${Figure}
      name="Running"
      value=${overview.Running}
      tone="tone-accent"
      to=${href("tasks", { status: "Running" })}
    />
    <${Figure}
      name="Queued"
      value=${overview.Queued}
      tone="tone-warn"
      to=${href("tasks", { status: "Queued" })}
    />
    <${Figure}
      name="Completed"
      value=${completed}
      tone="tone-ok"
      to=${href("tasks", { status: "Completed" })}
      >in ${span}<//
    >
    <${Figure}
      name="Failed"
      value=${failed}
      tone="tone-bad"
      to=${href("tasks", { status: "Failed" })}
    >
      ${ended ? `${((failed / ended) * 100).toFixed(failed && failed < ended ? 1 : 0)} % of ${plural(ended, "end")}` : `in ${span}`}
    <//>
  </dl>`;
}

function Figure({ name, value, tone, to, children }) {
  return html`<div class=${`card figure ${tone} ${value ? "" : "none"}`}>
    <dt><a href=${to}>${name}</a></dt>
    <dd class="number">${count(value)}</dd>
    <dd class="muted small">${children}</dd>
  </div>`;
}

function RunningNow({ total }) {
  const { tasks, next, error } = useTasks(UNDER_WAY);
  return html`<section class="block" aria-labelledby="running-now">
    <h2 id="running-now">Running now</h2>
    ${error && html`<${Failure} error=${error} />`}
    ${
      tasks &&
      (tasks.length
        ? html`<div class="table-frame">
            <${TaskTable} tasks=${tasks} onLabel=${(label) => replace(href("tasks", { label }))} />
          </div>`
        : html`<p class="muted card padded">Nothing runs.</p>`)
    }
    ${next && html`<p class="small"><a href=${href("tasks", { status: UNDER_WAY.status })}>All ${count(total)} that run</a></p>`}
  </section>`;
}
