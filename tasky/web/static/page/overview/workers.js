// Which workers have done how much, and how long they took.
import { html } from "../html.js";
import { count, duration } from "../format.js";
import { href } from "../router.js";
import { Table } from "../ui/table.js";

const SHOWN = 10;

/** @param {{workers: object[]}} props those of the overview; the slowest come first, then those that never ran */
export function SlowestWorkers({ workers }) {
  const rows = [...workers]
    .sort((a, b) => (b.MeanSeconds ?? -1) - (a.MeanSeconds ?? -1))
    .slice(0, SHOWN);
  const longest = Math.max(...rows.map(({ MeanSeconds }) => MeanSeconds ?? 0));
  const columns = [
    {
      title: "Worker",
      cell: ({ Worker }) =>
        html`<a class="one-line" href=${href("workers", Worker)}><b>${Worker}</b></a>`,
    },
    {
      title: "Mean",
      class: "number worker-mean",
      cell: ({ MeanSeconds }) => html`<${Mean} seconds=${MeanSeconds} longest=${longest} />`,
    },
    {
      title: "Longest",
      class: "number",
      cell: ({ LongestSeconds }) => LongestSeconds !== undefined && duration(LongestSeconds),
    },
    { title: "Running", class: "number", cell: ({ Running }) => count(Running) },
    { title: "Queued", class: "number", cell: ({ Queued }) => count(Queued) },
    { title: "Completed", class: "number", cell: ({ Completed }) => count(Completed) },
    {
      title: "Failed",
      class: "number",
      cell: ({ Worker, Failed }) => html`<${Failures} worker=${Worker} many=${Failed} />`,
    },
  ];
  return html`<${Table}
    label="Slowest workers"
    columns=${columns}
    rows=${rows}
    keyOf=${({ Worker }) => Worker}
  />`;
}

function Mean({ seconds, longest }) {
  if (seconds === undefined) return null;
  return html`<span class="bar-behind"
      ><span style=${{ width: `${(seconds / longest) * 100}%` }}></span></span
    ><span class="worker-seconds">${duration(seconds)}</span>`;
}

function Failures({ worker, many }) {
  if (!many) return count(many);
  return html`<a class="bad" href=${href("tasks", { worker, status: "Failed" })}
    >${count(many)}</a
  >`;
}
