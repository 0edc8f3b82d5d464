// One task: how it does, what it says, what it gave.
import { html, useRef } from "../html.js";
import { duration, percent, shortId } from "../format.js";
import { Log } from "../log/view.js";
import { href, replace } from "../router.js";
import { Actions } from "../task/actions.js";
import { Files } from "../task/files.js";
import { useTask } from "../task/live.js";
import { Result } from "../task/result.js";
import { Steps } from "../task/steps.js";
import { AttemptBars, Timeline } from "../task/timeline.js";
import { StatusBadge, isLive } from "../ui/badge.js";
import { CopyButton } from "../ui/copy.js";
import { Json } from "../ui/json.js";
import { Progress } from "../ui/progress.js";
import { Empty, Failure, Loading } from "../ui/states.js";
import { Tabs } from "../ui/tabs.js";
import { Elapsed, Time } from "../ui/time.js";

export const title = ({ path: [id] }) => `Task ${shortId(id)}`;

export function View({ path: [id], query }) {
  const { task, error, reload, extent, isDeleted } = useTask(id);
  /** Whoever watches a task keeps what he looks at when it ends; whoever comes later sees what it gave. */
  const first = useRef("");
  if (isDeleted || (error && error.status === 404)) {
    return html`<${Empty} icon="slash" title="There is no such task">
      It may have been deleted, or be older than what the server keeps.
      <a href=${href("tasks")}>All tasks</a>
    <//>`;
  }
  if (!task)
    return error ? html`<${Failure} error=${error} retry=${reload} />` : html`<${Loading} />`;
  const tabs = tabsOf(task);
  first.current ||=
    !isLive(task) && task.Output !== undefined && task.Output !== null ? "result" : "log";
  const wanted = query.get("tab") ?? first.current;
  const selected = tabs.some((tab) => tab.id === wanted) ? wanted : "log";
  return html`<div class="crumbs">
      <a href=${href("tasks")}>Tasks</a>${" / "}
      <a href=${href("tasks", { worker: task.Worker })}>${task.Worker}</a>
    </div>
    <div class="head task-head">
      <div>
        <h1><bdi>${task.Worker}</bdi> <${StatusBadge} status=${task.Status} large /></h1>
        <p class="muted mono task-id">
          ${task.TaskId}<${CopyButton} text=${task.TaskId} label="Copy the id" />
        </p>
      </div>
      <${Actions} task=${task} onDone=${reload} />
    </div>
    <p class="unseen" role="status">${task.Worker}: ${task.Status}</p>
    <${Doing} task=${task} />
    ${task.Error && html`<${Trouble} error=${task.Error} />`}
    ${task.Steps && html`<${Steps} task=${task} chosen=${query.get("step")} />`}
    <div class="task-page">
      <div class="card task-main">
        <${Tabs}
          label="About the task"
          tabs=${tabs}
          selected=${selected}
          onSelect=${(tab) => replace(href("tasks", id, { tab }))}
        >
          ${
            selected === "log" &&
            html`<${Log} task=${task} isLive=${isLive(task)} extent=${extent} />`
          }
          ${selected === "result" && html`<${Result} output=${task.Output} />`}
          ${selected === "files" && html`<${Files} task=${task} />`}
          ${selected === "parameters" && html`<${Json} value=${task.Params} label="Parameters" />`}
        <//>
      </div>
      <aside class="task-side" aria-label="Details">
        <section class="card padded">
          <h2>Timeline</h2>
          <${AttemptBars} task=${task} /><${Timeline} task=${task} />
        </section>
        <section class="card padded">
          <h2>Details</h2>
          <${Facts} task=${task} />
        </section>
      </aside>
    </div>`;
}

function tabsOf(task) {
  const hasResult =
    task.Output !== undefined && (task.Output !== null || task.Status === "Completed");
  return [
    { id: "log", label: "Log" },
    hasResult && { id: "result", label: "Result" },
    task.Artifacts?.length > 0 && { id: "files", label: "Files", count: task.Artifacts.length },
    { id: "parameters", label: "Parameters", count: Object.keys(task.Params ?? {}).length },
  ].filter(Boolean);
}

/** How far it is: as long as it goes on, in large. */
function Doing({ task }) {
  const { Percent, Message } = task.Progress ?? {};
  if (!isLive(task) || task.Status === "Queued") return null;
  const isKnown = Percent !== undefined && Percent !== null;
  return html`<div class="doing">
    <${Progress}
      percent=${Percent}
      still=${task.Status === "Paused"}
      label="Progress of the task"
    />
    <div class="doing-words">
      <span
        >${isKnown && html`<b class="number">${percent(Percent)}</b> `}<bdi>${Message}</bdi></span
      >
      <span class="muted"><${Elapsed} task=${task} /></span>
    </div>
  </div>`;
}

function Trouble({ error }) {
  const { code, message, exit_code: status, signal, details } = error;
  const how = [code, status !== undefined && `exit status ${status}`, signal].filter(Boolean);
  return html`<div class="trouble" role="group" aria-label="Why it failed" tabindex="0">
    <b><bdi class="text">${message}</bdi></b>
    <span class="small muted"><bdi>${how.join(" · ")}</bdi></span>
    ${details !== undefined && html`<${Json} value=${details} label="Details of the error" />`}
  </div>`;
}

function Facts({ task }) {
  const labels = Object.entries(task.Labels ?? {});
  const facts = [
    ["Created", html`<${Time} value=${task.Created} />`],
    task.Started && ["Started", html`<${Time} value=${task.Started} />`],
    task.Finished && ["Finished", html`<${Time} value=${task.Finished} />`],
    task.Seconds !== undefined && ["Took", duration(task.Seconds)],
    task.NotBefore && ["Not before", html`<${Time} value=${task.NotBefore} />`],
    task.By && ["By", html`<bdi>${task.By}</bdi>`],
    task.Priority !== 0 && ["Priority", task.Priority],
    task.Timeout && ["Timeout", task.Timeout],
    task.Parent && [
      "Part of",
      html`<a href=${href("tasks", task.Parent)}
          ><span class="mono">${shortId(task.Parent)}</span></a
        >${", "}<bdi>${task.Step}</bdi>`,
    ],
    task.Scheduled && ["Due", html`<${Time} value=${task.Scheduled} />`],
    task.RestartOf && [
      "Again",
      html`<a class="mono" href=${href("tasks", task.RestartOf)}>${shortId(task.RestartOf)}</a>`,
    ],
    labels.length > 0 && [
      "Labels",
      labels.map(
        ([key, value]) =>
          html`<a key=${key} class="tag" href=${href("tasks", { label: `${key}:${value}` })}
            ><bdi>${key}:${value}</bdi></a
          > `,
      ),
    ],
    ...(task.Notifications ?? []).map(({ Url, Event, Status, LastError }) => [
      `Told: ${Event}`,
      html`<bdi>${Url}</bdi>
        <span class="muted">${Status}${LastError ? `: ${LastError}` : ""}</span>`,
    ]),
  ].filter(Boolean);
  return html`<dl class="facts">
    ${facts.map(
      ([name, value], at) =>
        html`<div key=${at}>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}
