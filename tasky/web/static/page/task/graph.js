// Where the steps of a chain stand: in columns by what they wait for, with lines from each to those that need it.

export const NODE = { width: 172, height: 68 };
const GAP = { x: 56, y: 18 };

/**
 * @typedef {{Name: string, Needs?: string[], Finally?: boolean}} Step
 * @typedef {{step: Step, column: number, x: number, y: number}} Node
 * @param {Step[]} steps those of `finally` are the last
 * @returns {{nodes: Node[], lines: {from: string, to: string, path: string}[], last: number | null,
 *   width: number, height: number}} last: where those of `finally` begin, from the left
 */
export function layout(steps) {
  const columns = columnsOf(steps);
  const tallest = Math.max(0, ...columns.map((column) => column.length));
  const height = tallest * (NODE.height + GAP.y) - GAP.y;
  /** @type {Map<string, Node>} */
  const nodes = new Map();
  columns.forEach((column, at) => {
    const own = column.length * (NODE.height + GAP.y) - GAP.y;
    sorted(column, nodes).forEach((step, row) => {
      const x = at * (NODE.width + GAP.x);
      const y = (height - own) / 2 + row * (NODE.height + GAP.y);
      nodes.set(step.Name, { step, column: at, x, y });
    });
  });
  const lines = steps.flatMap((step) =>
    (step.Needs ?? [])
      .filter((need) => nodes.has(need))
      .map((need) => line(nodes.get(need), nodes.get(step.Name))),
  );
  const first = columns.findIndex((column) => column[0].Finally);
  return {
    nodes: [...nodes.values()],
    lines,
    last: first < 0 ? null : first * (NODE.width + GAP.x) - GAP.x / 2,
    width: columns.length * (NODE.width + GAP.x) - GAP.x,
    height,
  };
}

/** Each step one column behind the last of those that it needs; those of `finally` behind all others. */
function columnsOf(steps) {
  const byName = new Map(steps.map((step) => [step.Name, step]));
  const places = new Map();
  const place = (step, least) => {
    if (!places.has(step.Name)) {
      places.set(step.Name, least); // were there a circle, it would end here
      const needs = (step.Needs ?? []).map((name) => byName.get(name)).filter(Boolean);
      places.set(step.Name, Math.max(least, ...needs.map((need) => place(need, least) + 1)));
    }
    return places.get(step.Name);
  };
  const [ordinary, last] = [steps.filter((s) => !s.Finally), steps.filter((s) => s.Finally)];
  for (const step of ordinary) place(step, 0);
  const behind = Math.max(-1, ...places.values()) + 1;
  for (const step of last) place(step, behind);
  const columns = [];
  for (const step of steps) (columns[places.get(step.Name)] ??= []).push(step);
  return columns.filter(Boolean);
}

/** Beside those that they need, so that few lines cross. */
function sorted(column, nodes) {
  const middle = ({ Needs = [] }) => {
    const places = Needs.filter((name) => nodes.has(name)).map((name) => nodes.get(name).y);
    return places.length ? places.reduce((sum, y) => sum + y, 0) / places.length : 0;
  };
  return column.toSorted((one, other) => middle(one) - middle(other));
}

/** From the right of one to the left of the other. One that passes over columns goes below both. */
function line(from, to) {
  const half = NODE.height / 2;
  const [x1, y1] = [from.x + NODE.width, from.y + half];
  const [x2, y2] = [to.x, to.y + half];
  const below = Math.max(y1, y2) + half + GAP.y / 2;
  const path =
    to.column === from.column + 1
      ? curve(x1, y1, x2, y2)
      : `${curve(x1, y1, x1 + GAP.x, below)} H${x2 - GAP.x} ${curve(x2 - GAP.x, below, x2, y2)}`;
  return { from: from.step.Name, to: to.step.Name, path: `M${x1} ${y1} ${path}` };
}

function curve(x1, y1, x2, y2) {
  const bend = GAP.x / 2;
  return `C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}
