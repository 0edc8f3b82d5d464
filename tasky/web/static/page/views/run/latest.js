import { html, useEffect } from "../../html.js";
import { get, url } from "../../api.js";
import { useData } from "../../data.js";
import { allTasks } from "../../live.js";
import { href } from "../../router.js";
import { StatusBadge } from "../../ui/badge.js";
import { Elapsed, Time } from "../../ui/time.js";

const SHOWN = 6;

/** A worker's latest tasks, as they go on. */
export function Latest({ name }) {
  const { data, reload } = useData((signal) => get(url("tasks", { worker: name, limit: SHOWN }), { signal }), [name]);
  useEffect(() => allTasks({
    onEvents(messages) {
      if (messages.some(({ event, data: { Worker } }) => event !== "progress" && Worker === name)) reload();
    },
    onCatchUp: reload,
  }), [name]);
  if (!data?.Tasks.length) return null;
  return html`<section class="latest" aria-labelledby="latest">
    <h2 id="latest">Latest tasks</h2>
    <ul>
      ${data.Tasks.map((task) => html`<li key=${task.TaskId}>
        <a class="latest-task" href=${href("tasks", task.TaskId)}>
          <${StatusBadge} status=${task.Status} />
          <span class="muted small"><${Time} value=${task.Created} relative /></span>
          <span class="muted small"><${Elapsed} task=${task} /></span>
        </a>
        <a class="small" href=${href("workers", name, { from: task.TaskId })} aria-label="Run again with changes: fill in the form with its parameters">Use again</a>
      </li>`)}
    </ul>
    <p class="small"><a href=${href("tasks", { worker: name })}>All its tasks</a></p>
  </section>`;
}
