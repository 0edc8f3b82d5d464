import assert from "node:assert/strict";
import { test } from "node:test";
import { NODE, layout } from "PAGE/task/graph.js";

const step = (Name, Needs = [], more = {}) => ({ Name, Needs, ...more });
const columns = ({ nodes }) => Object.fromEntries(nodes.map(({ step: { Name }, column }) => [Name, column]));

test("a diamond", () => {
  const drawn = layout([step("a"), step("b", ["a"]), step("c", ["a"]), step("d", ["b", "c"])]);
  assert.deepEqual(columns(drawn), { a: 0, b: 1, c: 1, d: 2 });
  assert.deepEqual(drawn.lines.map(({ from, to }) => from + to), ["ab", "ac", "bd", "cd"]);
  const y = Object.fromEntries(drawn.nodes.map((node) => [node.step.Name, node.y]));
  assert.equal(y.a, y.d);
  assert.equal(y.a - y.b, y.c - y.a);
  assert.equal(drawn.last, null);
});

test("what needs something is behind it, whatever comes between", () => {
  const drawn = layout([step("a"), step("b", ["a"]), step("c", ["b"]), step("d", ["a", "c"])]);
  assert.deepEqual(columns(drawn), { a: 0, b: 1, c: 2, d: 3 });
});

test("finally is behind all others", () => {
  const drawn = layout([step("a"), step("b", ["a"]), step("z", [], { Finally: true }), step("y", ["z"], { Finally: true })]);
  assert.deepEqual(columns(drawn), { a: 0, b: 1, z: 2, y: 3 });
  const z = drawn.nodes.find((node) => node.step.Name === "z");
  assert.ok(drawn.last < z.x && drawn.last > z.x - 100);
});

test("no two stand in the same place, and all are within", () => {
  const steps = Array.from({ length: 40 }, (_, n) => step(`s${n}`, n ? [`s${(n * 7) % n}`] : []));
  const { nodes, width, height } = layout(steps);
  assert.equal(new Set(nodes.map(({ x, y }) => `${x} ${y}`)).size, 40);
  for (const { x, y } of nodes) {
    assert.ok(x >= 0 && x + NODE.width <= width);
    assert.ok(y >= 0 && y + NODE.height <= height);
  }
});

test("a step alone, and one that needs what there is not", () => {
  assert.deepEqual(layout([step("a", ["gone"])]), {
    nodes: [{ step: step("a", ["gone"]), column: 0, x: 0, y: 0 }],
    lines: [],
    last: null,
    ...NODE,
  });
});
