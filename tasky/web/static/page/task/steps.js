// The steps of a chain: a graph where there is room for one, else the same list below one another. Each leads to its
// task, or to the list of its tasks.
import { html } from "../html.js";
import { count, shortId } from "../format.js";
import { href } from "../router.js";
import { StatusBadge } from "../ui/badge.js";
import { Progress } from "../ui/progress.js";
import { NODE, layout } from "./graph.js";

/** Of a step, so many tasks are shown: first those that have not completed. */
const MOST = 100;

/** @param {{task: object, chosen: string | null}} props chosen: the step whose tasks are shown */
export function Steps({ task, chosen }) {
  const { nodes, lines, last, width, height } = layout(task.Steps);
  const step = task.Steps.find(({ Name }) => Name === chosen);
  return html`<section class="card padded steps-card" aria-labelledby="steps">
    <h2 id="steps">Steps</h2>
    <div class="graph-frame" tabindex="0" role="group" aria-labelledby="steps">
      <div class="graph" style=${{ "--graph-width": `${width}px`, "--graph-height": `${height}px` }}>
        <svg viewBox=${`0 0 ${width} ${height}`} aria-hidden="true">
          ${
            last !== null &&
            html`<line class="graph-last" x1=${last} y1="0" x2=${last} y2=${height} />`
          }
          ${lines.map(
            ({ from, to, path }) =>
              html`<path
                key=${`${from} ${to}`}
                class=${isDone(task.Steps, from) ? "done" : ""}
                d=${path}
              />`,
          )}
        </svg>
        <ol>
          ${nodes.map(
            ({ step: each, x, y }) =>
              html`<li
                key=${each.Name}
                class=${`step status-${each.Status}`}
                style=${{
                  "--x": `${x}px`,
                  "--y": `${y}px`,
                  "--w": `${NODE.width}px`,
                  "--h": `${NODE.height}px`,
                }}
              >
                <${Step} chain=${task.TaskId} step=${each} isChosen=${each === step} />
              </li>`,
          )}
        </ol>
      </div>
    </div>
    ${step && html`<${Tasks} chain=${task.TaskId} step=${step} />`}
  </section>`;
}

function isDone(steps, name) {
  return ["Completed", "Skipped"].includes(steps.find(({ Name }) => Name === name).Status);
}

function Step({ chain, step, isChosen }) {
  const { Name, Worker, Status, Needs = [], Finally, ForEach, Tasks: tasks = [], Error } = step;
  const about = [Worker, Finally && "finally", Error?.message].filter(Boolean).join(" · ");
  const many = ForEach || tasks.length > 1;
  const address = many
    ? href("tasks", chain, isChosen ? {} : { step: Name })
    : tasks.length > 0 && href("tasks", tasks[0].TaskId);
  const inside = html`<span class="step-name">${Name}</span>
    <span class="step-state"><${StatusBadge} status=${Status} />${
      ForEach && step.Total !== undefined && html`<${Counts} step=${step} />`
    }</span>
    <span class="step-about muted small"><bdi>${about}</bdi></span>
    ${Needs.length > 0 && html`<span class="unseen">after ${Needs.join(", ")}</span>`}
    ${
      ForEach &&
      step.Total > 0 &&
      Status === "Running" &&
      html`<${Progress} percent=${(100 * step.Ended) / step.Total} label=${`Progress of ${Name}`} />`
    }`;
  return address
    ? html`<a class="step-box" href=${address} title=${about} aria-expanded=${many ? isChosen : undefined}
        >${inside}</a
      >`
    : html`<span class="step-box" title=${about}>${inside}</span>`;
}

function Counts({ step: { Total, Ended, Failed } }) {
  return html`<span class="number small">
    ${count(Ended)} of ${count(Total)}${Failed > 0 && html`, <b class="bad">${count(Failed)} failed</b>`}
  </span>`;
}

function Tasks({ chain, step }) {
  const { Name, Tasks: tasks = [], ForEach } = step;
  const shown = tasks
    .toSorted((one, other) => (one.Status === "Completed") - (other.Status === "Completed"))
    .slice(0, MOST);
  const rest = tasks.length - shown.length + (step.Hidden ?? 0);
  return html`<div class="step-tasks">
    <h3>Tasks of <bdi>${Name}</bdi> <a class="small" href=${href("tasks", chain)}>Hide</a></h3>
    ${tasks.length === 0 && html`<p class="muted">None yet.</p>`}
    <ul>
      ${shown.map(
        ({ TaskId, Status, Item, Attempt }) =>
          html`<li key=${TaskId}>
            <a href=${href("tasks", TaskId)}
              ><${StatusBadge} status=${Status} />
              ${ForEach && html`<span class="number">[${Item}]</span>`}
              <span class="mono">${shortId(TaskId)}</span>
              ${Attempt && html`<span class="muted small">attempt ${Attempt}</span>`}</a
            >
          </li>`,
      )}
    </ul>
    ${rest > 0 && html`<p class="muted small">And ${count(rest)} more.</p>`}
  </div>`;
}
