// What one can do with a task. Where something is lost, it asks before.
import { html, useState } from "../html.js";
import { post, remove, url } from "../api.js";
import { useKeys } from "../keys.js";
import { href, navigate } from "../router.js";
import { may, mayStop } from "../session.js";
import { isLive } from "../ui/badge.js";
import { confirm } from "../ui/dialog.js";
import { Icon } from "../ui/icons.js";
import { toast, toastError } from "../ui/toast.js";

function at(task, ...words) {
  return url("tasks", task.TaskId, ...words);
}

async function cancel(task) {
  const waits = task.Status === "Queued";
  const again = task.Status === "Canceling";
  const text = again
    ? "It has been told to end, and has not yet. Its processes are killed; nothing is tidied up."
    : waits
      ? "It has not begun, and will not."
      : "Its processes are told to end; what it has not finished is lost.";
  if (
    !(await confirm({
      title: again ? "Kill this task now?" : "Cancel this task?",
      text,
      action: again ? "Kill now" : "Cancel task",
    }))
  )
    return false;
  await post(again ? url("tasks", task.TaskId, "cancel", { grace: "0s" }) : at(task, "cancel"));
  return true;
}

async function restart(task) {
  const { TaskId } = await post(at(task, "restart"));
  toast(`${task.Worker} runs again.`);
  navigate(href("tasks", TaskId));
  return true;
}

async function restartRest(task) {
  const address = url("tasks", task.TaskId, "restart", { from: "failed" });
  const { TaskId } = await post(address);
  toast("What has not completed is done again.");
  navigate(href("tasks", TaskId));
  return true;
}

async function forget(task) {
  const text = "Its result, its log and its files are removed for good.";
  if (!(await confirm({ title: "Delete this task?", text, action: "Delete task" }))) return false;
  await remove(at(task));
  toast("The task is deleted.");
  navigate(href("tasks"));
  return false;
}

/** Files that came with a task are gone when it has ended: it can only be run again with others. */
function hasFiles(task) {
  return Object.values(task.Params ?? {})
    .flat()
    .some((value) => typeof value?.file === "string" && typeof value.sha256 === "string");
}

/** A chain that a client has sent: there is no form for another. */
function isSent(task) {
  return task.Worker === "chain";
}

/** What can be done now, in the order of the buttons. */
function actionsOf(task) {
  const stop = mayStop(task);
  const run = may("run", task.Worker);
  return [
    task.Status === "Running" &&
      stop && {
        name: "pause",
        label: "Pause",
        icon: "pause",
        key: "p",
        act: () => post(at(task, "pause")),
      },
    task.Status === "Paused" &&
      stop && {
        name: "resume",
        label: "Resume",
        icon: "play",
        key: "p",
        kind: "primary",
        act: () => post(at(task, "resume")),
      },
    isLive(task) &&
      stop && {
        name: "cancel",
        label: task.Status === "Canceling" ? "Kill now" : "Cancel",
        icon: "stop",
        key: "x",
        kind: "danger-quiet",
        act: () => cancel(task),
      },
    run &&
      !hasFiles(task) && {
        name: "restart",
        label: "Run again",
        icon: "restart",
        key: "r",
        act: () => restart(task),
      },
    run &&
      task.Steps &&
      ["Failed", "Canceled"].includes(task.Status) && {
        name: "rest",
        label: "Restart what failed",
        icon: "restart",
        key: "f",
        kind: "primary",
        act: () => restartRest(task),
      },
    !isLive(task) &&
      may("admin") && {
        name: "delete",
        label: "Delete",
        icon: "trash",
        key: "d",
        kind: "danger-quiet",
        act: () => forget(task),
      },
  ].filter(Boolean);
}

/** @param {{task: object, onDone: () => void}} props */
export function Actions({ task, onDone }) {
  const [busy, setBusy] = useState("");
  const actions = actionsOf(task);
  const begin = async ({ name, act }) => {
    if (busy) return;
    setBusy(name);
    try {
      if (await act()) onDone();
    } catch (error) {
      toastError(error);
      onDone();
    } finally {
      setBusy("");
    }
  };
  const keys = Object.fromEntries(actions.map((action) => [action.key, () => begin(action)]));
  useKeys(
    keys,
    actions.map(({ key, label }) => ({ keys: key, does: `${label} (this task)` })),
  );
  const changed = href("workers", task.Worker, { from: task.TaskId });
  return html`<div class="actions">
    ${may("run", task.Worker) && !isSent(task) && html`<a class="button" href=${changed}>Run with changes</a>`}
    ${actions.map(
      (action) =>
        html`<button
          key=${action.name}
          type="button"
          class=${action.kind ?? ""}
          title=${`${action.label} (${action.key})`}
          disabled=${busy !== ""}
          onClick=${() => begin(action)}
        >
          <${Icon} name=${busy === action.name ? "spinner" : action.icon} />${action.label}
        </button>`,
    )}
  </div>`;
}
