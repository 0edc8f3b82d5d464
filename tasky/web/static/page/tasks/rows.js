import { html, useEffect, useRef } from "../html.js";
import { percent, shortId } from "../format.js";
import { useKeys } from "../keys.js";
import { href } from "../router.js";
import { StatusBadge, isLive } from "../ui/badge.js";
import { Progress } from "../ui/progress.js";
import { Elapsed, Time } from "../ui/time.js";

/**
 * The table. One goes from row to row with j and k, and opens one with Enter.
 * @param {{tasks: object[], onLabel: (label: string) => void}} props
 */
export function TaskTable({ tasks, onLabel }) {
  const body = useRef(null);
  /** Rows by their task: what did not change is not drawn again. */
  const drawn = useRef(new WeakMap()).current;
  const latest = useRef(onLabel);
  latest.current = onLabel;
  const move = (by) => {
    const links = [...body.current.querySelectorAll("a.task-link")];
    const at = links.indexOf(document.activeElement);
    const next =
      links[
        at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.max(0, Math.min(links.length - 1, at + by))
      ];
    next?.focus();
    next?.closest("tr").scrollIntoView({ block: "nearest" });
  };
  useKeys({ j: () => move(1), k: () => move(-1) }, [
    { keys: "j", does: "Next task; k: the one before" },
    { keys: "Enter", does: "Open it" },
  ]);
  // A row that goes while it has the focus gives it to nobody.
  const focused = useRef(-1);
  useEffect(() => {
    if (focused.current >= 0 && document.activeElement === document.body) {
      [...body.current.querySelectorAll("a.task-link")]
        .at(Math.min(focused.current, tasks.length - 1))
        ?.focus();
    }
  }, [tasks]);
  const onFocus = (event) => {
    focused.current = [...body.current.children].indexOf(event.target.closest("tr"));
  };
  const row = (task) => {
    if (!drawn.has(task))
      drawn.set(
        task,
        draw(task, (label) => latest.current(label)),
      );
    return drawn.get(task);
  };
  return html`<table class="tasks">
    <thead>
      <tr>
        <th scope="col">Status</th>
        <th scope="col">Task</th>
        <th scope="col">Progress</th>
        <th scope="col">Labels</th>
        <th scope="col">Created</th>
        <th scope="col" class="number">Took</th>
      </tr>
    </thead>
    <tbody
      ref=${body}
      onFocusIn=${onFocus}
      onFocusOut=${(event) => event.relatedTarget && (focused.current = -1)}
    >
      ${tasks.map(row)}
    </tbody>
  </table>`;
}

function draw(task, onLabel) {
  const labels = Object.entries(task.Labels ?? {});
  return html`<tr key=${task.TaskId}>
    <td class="task-status"><${StatusBadge} status=${task.Status} /></td>
    <td class="task-name">
      <a class="task-link" href=${href("tasks", task.TaskId)}
        ><b>${task.Worker}</b>${" "}
        <span class="mono" title=${task.TaskId}>${shortId(task.TaskId)}</span></a
      >
    </td>
    <td class="task-progress"><${Said} task=${task} /></td>
    <td class="task-labels">
      ${labels.map(
        ([key, value]) =>
          html`<button
            key=${key}
            type="button"
            class="tag"
            title=${`Only tasks with ${key}:${value}`}
            onClick=${() => onLabel(`${key}:${value}`)}
          >
            <bdi>${key}:${value}</bdi>
          </button>`,
      )}
    </td>
    <td class="task-created"><${Time} value=${task.Created} /></td>
    <td class="task-took number"><${Elapsed} task=${task} /></td>
  </tr>`;
}

/** How far it is, or what became of it. */
function Said({ task }) {
  const { Percent, Message } = task.Progress ?? {};
  if (task.Error)
    return html`<span class="task-said bad" title=${task.Error.message}
      ><bdi>${task.Error.message}</bdi></span
    >`;
  if (!isLive(task))
    return Message
      ? html`<span class="task-said muted" title=${Message}><bdi>${Message}</bdi></span>`
      : null;
  if (task.Status === "Queued") {
    return task.NotBefore
      ? html`<span class="muted">not before <${Time} value=${task.NotBefore} /></span>`
      : null;
  }
  const isKnown = Percent !== undefined && Percent !== null;
  return html`<div class="task-bar">
    <${Progress}
      percent=${Percent}
      still=${task.Status === "Paused"}
      label=${`Progress of ${task.Worker}`}
    />
    ${isKnown && html`<span class="number muted">${percent(Percent)}</span>`}
    ${Message && html`<span class="task-said" title=${Message}><bdi>${Message}</bdi></span>`}
  </div>`;
}
