// A page of tasks that stays right while things happen: what is known of a task is changed at once, and where tasks may
// have come or gone, the page is read again, at most once a second.
import { get, url } from "../api.js";
import { serverNow } from "../clock.js";
import { useCallback, useEffect, useRef } from "../html.js";
import { useData } from "../data.js";
import { allTasks } from "../live.js";

const AGAIN = 1000;

/**
 * @param {import("./filters.js").Filters} filters
 * @returns {{tasks: object[] | undefined, next: string | undefined, error: Error | null, reload: () => void}}
 */
export function useTasks(filters) {
  const { status, worker, label, text, after, limit } = filters;
  const inputs = [status.join(), worker, label.join("\n"), text, after, limit];
  const page = useData(
    (signal) => get(url("tasks", { status, worker, label, text, after, limit }), { signal }),
    inputs,
  );
  const kept = useRef([]);
  kept.current = alike(kept.current, page.data?.Tasks ?? []);

  const latest = useRef({ filters, reload: page.reload });
  latest.current = { filters, reload: page.reload };
  const readAgain = useOncePer(AGAIN, () => latest.current.reload());

  useEffect(
    () =>
      allTasks({
        onCatchUp: readAgain,
        onEvents(messages) {
          const known = new Map(kept.current.map((task) => [task.TaskId, task]));
          let isStale = false;
          let isChanged = false;
          for (const message of messages) {
            const before = known.get(message.data.TaskId);
            if (before) {
              known.set(before.TaskId, changed(before, message));
              isChanged = true;
            }
            isStale ||= mayMove(before, message, latest.current.filters);
          }
          if (isChanged)
            page.change((data) => ({
              ...data,
              Tasks: data.Tasks.map((task) => known.get(task.TaskId) ?? task),
            }));
          if (isStale) readAgain();
        },
      }),
    [],
  );

  return {
    tasks: page.data && kept.current,
    next: page.data?.Next,
    error: page.error,
    reload: page.reload,
  };
}

/** What is the same stays the same object: its row is not drawn again. */
function alike(before, now) {
  const known = new Map(before.map((task) => [task.TaskId, task]));
  return now.map((task) => {
    const old = known.get(task.TaskId);
    return old && (old === task || JSON.stringify(old) === JSON.stringify(task)) ? old : task;
  });
}

function changed(task, { event, data }) {
  if (event === "result") return { ...task, ...data };
  if (event === "progress")
    return { ...task, Progress: { Percent: data.Percent, Message: data.Message } };
  const { Status, Progress, Duration, Seconds } = data;
  const begun =
    Status === "Running" && !task.Started ? { Started: new Date(serverNow()).toISOString() } : {};
  const made = { ...task, Status, ...begun };
  if (Progress) made.Progress = Progress;
  if (Seconds !== undefined) Object.assign(made, { Duration, Seconds });
  return made;
}

/** Whether the page may have other tasks after this. */
function mayMove(task, { event, data }, { status, worker, label, text, after }) {
  if (event !== "status" && !(event === "result" && text)) return false;
  if (worker && data.Worker !== worker) return false;
  if (task) return status.length > 0 && !status.includes(data.Status);
  if (after && !status.length) return false;
  if (status.length && !status.includes(data.Status)) return false;
  // One that ends was there before, or is on another page; one that begins is new, or was.
  return (
    status.length > 0 ||
    label.length > 0 ||
    Boolean(text) ||
    data.Status === "Queued" ||
    data.Status === "Running"
  );
}

/** Calls at once, and then no more often than this; the last call counts. */
function useOncePer(pause, call) {
  const latest = useRef(call);
  latest.current = call;
  const state = useRef({ timer: 0, at: 0 });
  useEffect(() => () => clearTimeout(state.current.timer), []);
  return useCallback(() => {
    const own = state.current;
    if (own.timer) return;
    own.timer = setTimeout(
      () => {
        own.timer = 0;
        own.at = Date.now();
        latest.current();
      },
      Math.max(0, own.at + pause - Date.now()),
    );
  }, []);
}
