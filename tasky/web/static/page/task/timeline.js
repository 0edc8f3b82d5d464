// What became of a task, in the order in which it happened: its attempts, and what people did.
import { html, useState } from "../html.js";
import { count, duration, plural } from "../format.js";
import { StatusDot, isLive } from "../ui/badge.js";
import { Icon } from "../ui/icons.js";
import { Time, useNow } from "../ui/time.js";

/** Of the events; of what goes before, the first is enough. */
const LONGEST = 14;
/** The bars of so many attempts: the latest. */
const BARS = 12;
const DONE = {
  cancel: "canceled it",
  pause: "paused it",
  resume: "let it go on",
  restart: "ran it again",
};

/** @returns {{time: string, status: string, what: unknown, more?: unknown}[]} */
export function eventsOf(task) {
  const events = [
    {
      time: task.Created,
      status: "Queued",
      what: task.By ? html`Submitted by <bdi>${task.By}</bdi>` : "Submitted",
    },
  ];
  const attempts = task.Attempts ?? [];
  for (const attempt of attempts) {
    const name = attempts.length > 1 ? `Attempt ${attempt.Number}: ` : "";
    const isLast = attempt === attempts.at(-1);
    events.push({
      time: attempt.Started,
      status: "Running",
      what: name ? `${name}started` : "Started",
    });
    if (!attempt.Finished) continue;
    const took = name ? secondsOf(attempt) : (task.Seconds ?? secondsOf(attempt));
    const status = isLast && !isLive(task) ? task.Status : "Failed";
    events.push({
      time: attempt.Finished,
      status: attempt.Error ? "Failed" : status,
      what: `${name ? `${name}ended` : "Ended"} after ${duration(took)}${how(attempt)}`,
      more: attempt.Error && attempts.length > 1 ? attempt.Error.message : undefined,
    });
  }
  for (const { Time: time, By, Action } of task.Actions ?? []) {
    const status =
      { cancel: "Canceling", pause: "Paused", resume: "Running", restart: "Queued" }[Action] ??
      "Queued";
    events.push({ time, status, what: html`<bdi>${By}</bdi> ${DONE[Action] ?? Action}` });
  }
  if (task.Finished && !attempts.length)
    events.push({ time: task.Finished, status: task.Status, what: "Ended without having started" });
  return events.sort((one, other) => (one.time < other.time ? -1 : Number(one.time > other.time)));
}

function secondsOf({ Started, Finished }) {
  return (new Date(Finished) - new Date(Started)) / 1000;
}

function how({ ExitCode, Signal }) {
  if (Signal) return `, by ${Signal}`;
  return ExitCode ? `, with exit status ${ExitCode}` : "";
}

export function Timeline({ task }) {
  const [isWhole, setWhole] = useState(false);
  const events = eventsOf(task);
  const hidden = isWhole ? 0 : Math.max(0, events.length - LONGEST);
  return html`<ol class="timeline">
    <${Happening} key="0" ...${events[0]} />
    ${
      hidden > 0 &&
      html`<li key="more">
        <button type="button" class="quiet" onClick=${() => setWhole(true)}>
          ${count(hidden)} more
        </button>
      </li>`
    }
    ${events
      .slice(1 + hidden)
      .map((event, at) => html`<${Happening} key=${at + 1 + hidden} ...${event} />`)}
    ${isLive(task) && html`<${Now} task=${task} />`}
  </ol>`;
}

function Happening({ time, status, what, more }) {
  return html`<li>
    ${
      // What turns says that something goes on: here it began.
      status === "Running"
        ? html`<span class="dot status-Running"><${Icon} name="play" /></span>`
        : html`<${StatusDot} status=${status} />`
    }
    <div>
      <span>${what}</span>
      ${more && html`<p class="small bad"><bdi>${more}</bdi></p>`}
      <div class="small muted"><${Time} value=${time} /></div>
    </div>
  </li>`;
}

/** Where it is now. */
function Now({ task }) {
  const now = useNow();
  const waits = task.NotBefore && new Date(task.NotBefore).getTime() > now;
  const words = {
    Queued: waits ? html`Waits until <${Time} value=${task.NotBefore} />` : "Waits for its turn",
    Running: "Runs",
    Paused: "Is paused",
    Canceling: "Is being ended",
  };
  return html`<li class="now" key="now">
    <${StatusDot} status=${task.Status} />
    <div>${words[task.Status]}</div>
  </li>`;
}

/** How long each attempt took, beside the others: where there are several. */
export function AttemptBars({ task }) {
  const attempts = (task.Attempts ?? []).slice(-BARS);
  const now = useNow(isLive(task));
  if (attempts.length < 2) return null;
  const begin = new Date(attempts[0].Started).getTime();
  const endOf = ({ Finished }) =>
    Finished ? new Date(Finished).getTime() : Math.max(now, begin + 1);
  const span = Math.max(1, endOf(attempts.at(-1)) - begin);
  return html`<figure class="attempts" aria-label=${plural(task.Attempts.length, "attempt")}>
    ${attempts.map((attempt) => {
      const started = new Date(attempt.Started).getTime();
      const status = attempt.Error ? "Failed" : attempt.Finished ? task.Status : "Running";
      const took = duration((endOf(attempt) - started) / 1000);
      const [from, to] = [started, endOf(attempt)].map((time) => (100 * (time - begin)) / span);
      return html`<div
        key=${attempt.Number}
        class="attempt"
        title=${`Attempt ${attempt.Number}: ${took}`}
      >
        <span class="small muted number">${attempt.Number}</span>
        <div>
          <i
            class=${`status-${status}`}
            style=${{ left: `${from}%`, width: `${Math.max(1, to - from)}%` }}
          ></i>
        </div>
        <span class="small number">${took}</span>
      </div>`;
    })}
  </figure>`;
}
