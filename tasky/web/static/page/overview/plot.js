// Small plots: shapes in SVG, stretched to the room that there is, and words around them in HTML, which are not.
import { html, useState } from "../html.js";
import { count, shortTime } from "../format.js";
import { Table } from "../ui/table.js";

const HEIGHT = 100;

/**
 * @typedef {{key: string, name: string, tone: string}} Series key: a member of the points; tone: a class for its colour
 * @typedef {Record<string, number> & {Time: string}} Point a member that is missing is not known
 */

/**
 * What happened in each step of time; the values of one point can be read where the pointer is, all in a table.
 * @param {{title: string, points: Point[], series: Series[], kind: "bars" | "lines"}} props
 */
export function Plot({ title, points, series, kind }) {
  const [at, setAt] = useState(-1);
  const [asTable, setAsTable] = useState(false);
  const top = niceTop(Math.max(...points.map((point) => heightOf(point, series, kind))));
  const Shapes = kind === "bars" ? Bars : Lines;
  const find = (event) => {
    const frame = event.currentTarget.getBoundingClientRect();
    const part = (event.clientX - frame.left) / frame.width;
    setAt(Math.max(0, Math.min(points.length - 1, Math.floor(part * points.length))));
  };
  return html`<section class="card plot" aria-label=${title}>
    <header>
      <h2>${title}</h2>
      <${Legend} series=${series} point=${points[at]} />
      <button
        type="button"
        class="quiet"
        aria-pressed=${asTable}
        onClick=${() => setAsTable(!asTable)}
      >
        Table
      </button>
    </header>
    ${
      asTable
        ? html`<${Values} title=${title} points=${points} series=${series} />`
        : html`<div class="plot-area">
            <div class="plot-scale" aria-hidden="true">
              <span>${count(top)}</span><span>0</span>
            </div>
            <svg
              viewBox=${`0 0 ${points.length} ${HEIGHT}`}
              preserveAspectRatio="none"
              role="img"
              aria-label=${inWords(title, points, series)}
              onPointerMove=${find}
              onPointerDown=${find}
              onPointerLeave=${() => setAt(-1)}
            >
              ${at >= 0 && html`<rect class="plot-cursor" x=${at} y="0" width="1" height=${HEIGHT} />`}
              <${Shapes} points=${points} series=${series} top=${top} />
            </svg>
            <div class="plot-times" aria-hidden="true">
              ${[0, 0.5, 1].map((part) => html`<span>${shortTime(points[Math.round(part * (points.length - 1))].Time)}</span>`)}
            </div>
          </div>`
    }
  </section>`;
}

function heightOf(point, series, kind) {
  const values = series.map(({ key }) => point[key] ?? 0);
  return kind === "bars" ? values.reduce((sum, value) => sum + value, 0) : Math.max(...values);
}

/** 1, 2, 5, 10, 20, ...: the next one that is not below. */
export function niceTop(value) {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
}

function Bars({ points, series, top }) {
  return points.map((point, number) => {
    let below = 0;
    return series.map(({ key, tone }) => {
      const height = ((point[key] ?? 0) / top) * HEIGHT;
      if (!height) return null;
      below += height;
      return html`<rect
        key=${`${point.Time} ${key}`}
        class=${tone}
        x=${number + 0.1}
        y=${HEIGHT - below}
        width="0.8"
        height=${height}
      />`;
    });
  });
}

function Lines({ points, series, top }) {
  return series.map(({ key, tone }) =>
    runsOf(points, key).map((run) => {
      const steps = run
        .map(({ number, value }) => `V${HEIGHT - (value / top) * HEIGHT}H${number + 1}`)
        .join("");
      const first = run[0].number;
      return html`<g key=${`${key} ${first}`} class=${tone}>
        <path class="plot-below" d=${`M${first} ${HEIGHT}${steps}V${HEIGHT}Z`} />
        <path
          class="plot-line"
          d=${`M${first} ${HEIGHT - (run[0].value / top) * HEIGHT}${steps}`}
          vector-effect="non-scaling-stroke"
        />
      </g>`;
    }),
  );
}

/** The points whose value is known, in pieces without a gap. */
function runsOf(points, key) {
  const runs = [];
  let run = null;
  points.forEach((point, number) => {
    if (point[key] === undefined) {
      run = null;
      return;
    }
    if (run === null) runs.push((run = []));
    run.push({ number, value: point[key] });
  });
  return runs;
}

/** What the colours mean; with a point, its values. */
function Legend({ series, point }) {
  return html`<p class="plot-legend">
    ${point && html`<span class="number muted">${shortTime(point.Time)}</span>`}
    ${series.map(
      ({ key, name, tone }) =>
        html`<span key=${key} class=${tone}>
          <i aria-hidden="true"></i
          >${name}${point && html` <b class="number">${point[key] === undefined ? "?" : count(point[key])}</b>`}
        </span>`,
    )}
  </p>`;
}

function Values({ title, points, series }) {
  const rows = points.filter((point) => series.some(({ key }) => point[key])).reverse();
  if (!rows.length) return html`<p class="plot-none muted">Nothing in this time.</p>`;
  const columns = [
    {
      title: "From",
      cell: (point) => html`<time datetime=${point.Time}>${shortTime(point.Time)}</time>`,
    },
    ...series.map(({ key, name }) => ({
      title: name,
      class: "number",
      cell: (point) => (point[key] === undefined ? "?" : count(point[key])),
    })),
  ];
  return html`<div class="plot-table">
    <${Table} label=${title} columns=${columns} rows=${rows} keyOf=${({ Time }) => Time} />
  </div>`;
}

function inWords(title, points, series) {
  const most = series.map(
    ({ key, name }) =>
      `${name}: at most ${count(Math.max(...points.map((point) => point[key] ?? 0)))}`,
  );
  return `${title}. ${most.join(", ")} in one step.`;
}
