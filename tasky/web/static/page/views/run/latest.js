import { html } from "../../html.js";
import { get, url } from "../../api.js";
import { useData } from "../../data.js";
import { useFresh } from "../../fresh.js";
import { href } from "../../router.js";
import { StatusBadge } from "../../ui/badge.js";
import { Elapsed, Time } from "../../ui/time.js";

const SHOWN = 6;

/**
 * A worker's latest tasks, as they go on.
 * @param {{name: string, onChange: () => void}} props onChange: it has begun or ended some
 */
export function Latest({ name, onChange }) {
  const { data, reload } = useData(
    (signal) => get(url("tasks", { worker: name, limit: SHOWN }), { signal }),
    [name],
  );
  useFresh(
    () => {
      reload();
      onChange();
    },
    ({ Worker }) => Worker === name,
  );
  if (!data?.Tasks.length) return null;
  return html`<section class="latest" aria-labelledby="latest">
    <h2 id="latest">Latest tasks</h2>
    <ul>
      ${data.Tasks.map(
        (task) =>
          html`<li key=${task.TaskId}>
            <a class="latest-task" href=${href("tasks", task.TaskId)}>
              <${StatusBadge} status=${task.Status} />
              <span class="latest-when muted small"
                ><${Time}
                  value=${task.Created}
                  relative
                />${task.Started && html` · <${Elapsed} task=${task} />`}</span
              >
            </a>
            <a
              class="small"
              href=${href("workers", name, { from: task.TaskId })}
              aria-label="Use again: fill in the form with its parameters"
              >Use again</a
            >
          </li>`,
      )}
    </ul>
    <p class="small"><a href=${href("tasks", { worker: name })}>All its tasks</a></p>
  </section>`;
}
