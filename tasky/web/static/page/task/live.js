// Everything about a task, as it is now: read once, changed by its events, and read again when it has ended.
import { get, url } from "../api.js";
import { useEffect, useRef, useState } from "../html.js";
import { useData } from "../data.js";
import { openStream } from "../live.js";
import { parseRanges, readLog } from "../log/lines.js";
import { isLive } from "../ui/badge.js";

/** The tasks of its steps are read again after so long. */
const STEPS = 500;

/**
 * @param {string} id
 * @returns {{task: object | undefined, error: Error | null, reload: () => void, isDeleted: boolean,
 *   extent: number[][] | null}} extent: the numbers of the lines of its log, as they were told last
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
  const latest = useRef({ task, reload });
  latest.current = { task, reload };
  const runs = task !== undefined && isLive(task);

  useEffect(() => {
    if (!runs) return undefined;
    let timer = 0;
    /** The tasks of the steps are told by the chain only: many of them begin and end in a second. */
    const soon = () => {
      timer ||= setTimeout(() => {
        timer = 0;
        latest.current.reload();
      }, STEPS);
    };
    const end = openStream(
      url("tasks", id, "events", { lines: true }),
      {
        onEvents(messages) {
          const news = summed(messages);
          if (news.extent) setExtent(news.extent);
          change((before) => ({ ...before, ...news.task, ...stepped(before, news.steps) }));
          if (news.isOver) end();
          // Times, attempts and what it left are told by the task only.
          const isOther = news.task.Status && news.task.Status !== latest.current.task?.Status;
          if (news.isOver || isOther) latest.current.reload();
          else if (changes(latest.current.task, news.steps)) soon();
        },
        onCatchUp() {
          latest.current.reload();
          readLog(id, { tail: 0 }).then(({ ranges }) => setExtent(ranges), ignored);
        },
        onEnd: (reason) => reason === "deleted" && setDeleted(true),
      },
      { resumes: true },
    );
    return () => {
      clearTimeout(timer);
      end();
    };
  }, [id, runs]);

  return { task, error, reload, extent, isDeleted };
}

/** What some events say, together. */
function summed(messages) {
  const news = { task: {}, steps: new Map(), extent: null, isOver: false };
  for (const { event, data } of messages) {
    if (event === "lines") news.extent = parseRanges(data.Lines);
    else if (event === "status") news.task.Status = data.Status;
    else if (event === "progress")
      news.task.Progress = { Percent: data.Percent, Message: data.Message };
    else if (event === "step") news.steps.set(data.Name, data);
    else if (event === "result") news.isOver = true;
  }
  return news;
}

/** The steps of a chain, as they are by now. */
function stepped({ Steps: before }, news) {
  if (!before || news.size === 0) return {};
  return { Steps: before.map((step) => ({ ...step, ...news.get(step.Name) })) };
}

/** Whether there is more to learn of the steps than was told. */
function changes({ Steps: before }, news) {
  return (before ?? []).some(({ Name, Status, Ended, Total }) => {
    const told = news.get(Name);
    return told && (told.Status !== Status || told.Ended !== Ended || told.Total !== Total);
  });
}

/** It is tried again. */
function ignored() {}
