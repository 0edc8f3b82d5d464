// What a task gave: as a table if it is one, as text if it is only that, else as a tree.
import { html, useState } from "../html.js";
import { count } from "../format.js";
import { Ansi } from "../ui/ansi.js";
import { CopyButton } from "../ui/copy.js";
import { Json, Scalar } from "../ui/json.js";
import { Table } from "../ui/table.js";

const ROWS = 200;
const COLUMNS = 30;
const LONGEST = 200_000;

/** A list of objects, which itself is the output or its one member: {name, rows}, or null. */
export function tableIn(output) {
  if (isRows(output)) return { name: null, rows: output };
  if (output === null || typeof output !== "object" || Array.isArray(output)) return null;
  const found = Object.entries(output).filter(([, value]) => isRows(value));
  return found.length === 1 ? { name: found[0][0], rows: found[0][1] } : null;
}

function isRows(value) {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((each) => each !== null && typeof each === "object" && !Array.isArray(each))
  );
}

/** The text, if it is only that: what a worker printed (see docs/protocol.md) or a string. */
export function textIn(output) {
  if (typeof output === "string") return output;
  if (output === null || typeof output?.string_output !== "string") return null;
  const { string_output: text, truncated, ...rest } = output;
  return Object.keys(rest).length ? null : text + (truncated ? "\n…\n" : "");
}

export function Result({ output }) {
  const table = tableIn(output);
  const text = textIn(output);
  const [view, setView] = useState(table ? "table" : text === null ? "tree" : "text");
  const views = [
    table && ["table", "Table"],
    text !== null && ["text", "Text"],
    ["tree", "Tree"],
    ["source", "JSON"],
  ].filter(Boolean);
  return html`<section class="result" aria-label="Result">
    <div class="result-bar">
      <div class="choice" role="group" aria-label="Show the result as">
        ${views.map(
          ([name, label]) =>
            html`<button
              key=${name}
              type="button"
              aria-pressed=${view === name}
              onClick=${() => setView(name)}
            >
              ${label}
            </button>`,
        )}
      </div>
      <${CopyButton}
        text=${() => (view === "text" ? text : JSON.stringify(output, null, 2))}
        label="Copy the result"
        >Copy<//
      >
    </div>
    ${view === "table" && html`<${Rows} ...${table} output=${output} />`}
    ${view === "text" && html`<${Text} text=${text} />`}
    ${view === "tree" && html`<${Json} value=${output} label="Result" />`}
    ${view === "source" && html`<${Text} text=${JSON.stringify(output, null, 2)} />`}
  </section>`;
}

function Text({ text }) {
  const shown = text.slice(0, LONGEST);
  return html`<pre class="output" tabindex="0"><bdi><${Ansi} text=${shown} /></bdi></pre>
    ${
      text.length > LONGEST &&
      html`<p class="muted small">
        The first ${count(LONGEST)} of ${count(text.length)} characters; Copy takes all.
      </p>`
    }`;
}

function Rows({ name, rows, output }) {
  const [shown, setShown] = useState(ROWS);
  const names = [...new Set(rows.slice(0, shown).flatMap(Object.keys))];
  const columns = names.slice(0, COLUMNS).map((key) => ({
    title: key,
    cell: (row) => (Object.hasOwn(row, key) ? html`<${Cell} value=${row[key]} />` : null),
    class: rows.every(
      (row) => row[key] === undefined || row[key] === null || typeof row[key] === "number",
    )
      ? "number"
      : "",
  }));
  const keyed = new Map(rows.map((row, at) => [row, at]));
  const rest =
    name === null ? {} : Object.fromEntries(Object.entries(output).filter(([key]) => key !== name));
  const hasMore = Object.keys(rest).length > 0;
  return html`
    ${hasMore && html`<${Json} value=${rest} label="The rest of the result" />`}
    <${Table}
      label=${name ?? "Result"}
      columns=${columns}
      rows=${rows.slice(0, shown)}
      keyOf=${(row) => keyed.get(row)}
    />
    ${
      names.length > COLUMNS &&
      html`<p class="muted small">${count(names.length - COLUMNS)} more columns: see the tree.</p>`
    }
    ${
      rows.length > shown &&
      html`<button type="button" class="quiet" onClick=${() => setShown(shown + 5 * ROWS)}>
        ${count(rows.length - shown)} more
      </button>`
    }
  `;
}

function Cell({ value }) {
  return value !== null && typeof value === "object"
    ? html`<code><bdi>${JSON.stringify(value).slice(0, 300)}</bdi></code>`
    : html`<${Scalar} value=${value} />`;
}
