// A task's status, which is told by its icon and its word, and by its colour only besides.
import { html } from "../html.js";
import { Icon } from "./icons.js";

const ICONS = {
  Queued: "clock",
  Running: "spinner",
  Paused: "pause",
  Canceling: "stop",
  Completed: "check",
  Failed: "cross",
  Canceled: "slash",
};

/** Those that only the steps of a chain have. */
const OF_STEPS = { Waiting: "clock", Skipped: "right", Unreached: "slash" };

export const STATUSES = Object.keys(ICONS);
export const LIVE = new Set(["Queued", "Running", "Paused", "Canceling"]);

/** Whether a task goes on: what has ended does not change any more. */
export function isLive(task) {
  return LIVE.has(task.Status);
}

/** @param {{status: string, large?: boolean}} props */
export function StatusBadge({ status, large = false }) {
  return html`<span class=${`badge status-${status} ${large ? "large" : ""}`}>
    <${Icon} name=${ICONS[status] ?? OF_STEPS[status] ?? "info"} />${status}
  </span>`;
}

/** The same in a small square, for where many stand side by side. */
export function StatusDot({ status }) {
  return html`<span class=${`dot status-${status}`}
    ><${Icon} name=${ICONS[status] ?? "info"}
  /></span>`;
}
