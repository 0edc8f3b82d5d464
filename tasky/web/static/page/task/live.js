// Everything about a task, as it is now: read once, changed by its events, and read again when it has ended.
import { get, url } from "../api.js";
import { useEffect, useRef, useState } from "../html.js";
import { useData } from "../data.js";
import { openStream } from "../live.js";
import { isLive } from "../ui/badge.js";

/**
 * @param {string} id
 * @returns {{task: object | undefined, error: Error | null, reload: () => void, isDeleted: boolean,
 *   extent: {Last: number, Lines: string} | null}} extent: how far its log goes
 */
export function useTask(id) {
  const {
    data: task,
    error,
    reload,
    change,
  } = useData((signal) => get(url("tasks", id), { signal }), [id]);
  const [extent, setExtent] = useState(null);
  const [isDeleted, setDeleted] = useState(false);
  const latest = useRef(reload);
  latest.current = reload;
  const runs = task !== undefined && isLive(task);

  useEffect(() => {
    if (!runs) return undefined;
    const end = openStream(
      url("tasks", id, "events", { lines: true }),
      {
        onEvents(messages) {
          let isOver = false;
          let isOther = false;
          for (const { event, data } of messages) {
            if (event === "lines") setExtent(data);
            else if (event === "status") isOther = true;
            else if (event === "progress")
              change((before) => ({
                ...before,
                Progress: { Percent: data.Percent, Message: data.Message },
              }));
            if (event === "status") change((before) => ({ ...before, Status: data.Status }));
            isOver ||= event === "result";
          }
          if (isOver) end();
          // Times, attempts and what it left are told by the task only.
          if (isOther || isOver) latest.current();
        },
        onEnd: (reason) => reason === "deleted" && setDeleted(true),
      },
      { resumes: true },
    );
    return end;
  }, [id, runs]);

  return { task, error, reload, extent, isDeleted };
}
