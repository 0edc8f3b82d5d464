// Times and durations that stay right while one looks at them. One clock ticks for all of them.
import { serverNow } from "../clock.js";
import { html, useEffect, useState } from "../html.js";
import { duration, fullTime, relativeTime, shortTime, ticking } from "../format.js";

const listeners = new Set();
let timer = 0;

function tick() {
  for (const each of [...listeners]) each(serverNow());
}

/** The time now on the server, each second anew, as long as `runs`. */
export function useNow(runs = true) {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    if (!runs) return undefined;
    setNow(serverNow());
    listeners.add(setNow);
    timer ||= setInterval(tick, 1000);
    return () => {
      listeners.delete(setNow);
      if (listeners.size) return;
      clearInterval(timer);
      timer = 0;
    };
  }, [runs]);
  return now;
}

/** A moment, in the reader's zone; the whole of it is its tooltip. */
export function Time({ value, relative = false }) {
  if (!value) return null;
  return relative
    ? html`<${Relative} value=${value} />`
    : html`<time datetime=${value} title=${fullTime(value)}>${shortTime(value)}</time>`;
}

function Relative({ value }) {
  const now = useNow();
  return html`<time datetime=${value} title=${fullTime(value)}>${relativeTime(value, now)}</time>`;
}

/** How long a task took, or has taken so far. Nothing for one that has not begun. */
export function Elapsed({ task }) {
  if (task.Seconds !== undefined)
    return html`<span class="number">${duration(task.Seconds)}</span>`;
  if (!task.Started || task.Finished) return null;
  return html`<${Ticking} since=${task.Started} />`;
}

function Ticking({ since }) {
  const now = useNow();
  return html`<span class="number">${ticking((now - new Date(since).getTime()) / 1000)}</span>`;
}
