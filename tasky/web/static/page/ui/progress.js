import { html } from "../html.js";
import { percent as inWords } from "../format.js";

/**
 * A bar; without `percent` it only says that something goes on.
 * @param {{percent?: number, label?: string, still?: boolean}} props still: it stands, as that of a paused task
 */
export function Progress({ percent, label = "Progress", still = false }) {
  const known = percent !== undefined && percent !== null;
  const kind = `progress ${known ? "" : "unknown"} ${still ? "still" : ""}`;
  const values = known
    ? { "aria-valuenow": Math.round(percent), "aria-valuetext": inWords(percent) }
    : {};
  return html`<div
    class=${kind}
    role="progressbar"
    aria-label=${label}
    aria-valuemin="0"
    aria-valuemax="100"
    ...${values}
  >
    <div style=${known ? { transform: `scaleX(${percent / 100})` } : undefined}></div>
  </div>`;
}
