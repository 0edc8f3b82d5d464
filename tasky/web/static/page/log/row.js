// One line of a log.
import { html } from "../html.js";
import { count, fullTime } from "../format.js";
import { Ansi } from "../ui/ansi.js";

const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});

/** A place in the list whose line is not here yet. */
export function unread(number) {
  return html`<div class="log-line unread" key=${number}>
    <span class="log-number">${number}</span>
  </div>`;
}

/**
 * @param {import("./lines.js").Line} line
 * @param {{times: boolean, isFound: boolean, isCurrent: boolean, onWhole: (line: object) => void}} look
 */
export function draw(line, { times, isFound, isCurrent, onWhole }) {
  const marks = `${isFound ? "found" : ""} ${isCurrent ? "current" : ""}`;
  return html`<div class=${`log-line from-${line.Stream} ${marks}`} key=${line.N}>
    <span class="log-number" title=${`${fullTime(line.Time)} · ${line.Stream}`}>${line.N}</span>
    ${times && html`<${Clock} value=${line.Time} />`}
    <span class="log-text"
      ><${Level} level=${line.Level} /><bdi><${Ansi} text=${line.Text} /></bdi>${
        line.Fields &&
        Object.entries(line.Fields).map(
          ([key, value]) =>
            html` <span class="log-field"><i>${key}=</i><bdi>${asText(value)}</bdi></span>`,
        )
      }${
        line.Length !== undefined &&
        html` <button type="button" class="quiet log-rest" onClick=${() => onWhole(line)}>
          all ${count(line.Length)} characters
        </button>`
      }</span
    >
  </div>`;
}

function Clock({ value }) {
  const words = CLOCK.format(new Date(value));
  return html`<time class="log-time" datetime=${value}>${words}</time>`;
}

function Level({ level }) {
  return level === undefined ? null : html`<b class=${`level level-${level}`}>${level}</b> `;
}

function asText(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}
