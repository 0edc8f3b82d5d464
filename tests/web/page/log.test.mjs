import assert from "node:assert/strict";
import { test } from "node:test";

/** Where the page is, for the addresses that it asks. */
globalThis.document = { baseURI: "http://localhost/" };
const { Lines, parseRanges } = await import("PAGE/log/lines.js");
const { Search } = await import("PAGE/log/search.js");
const { tableIn, textIn } = await import("PAGE/task/result.js");
const { eventsOf } = await import("PAGE/task/timeline.js");

/** A log of these lines, as the server would answer for it. */
function serve(ranges, textOf = (number) => `line ${number}`) {
  const asked = [];
  const numbers = () => ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, at) => first + at));
  globalThis.fetch = async (address) => {
    const query = new URL(address).searchParams;
    asked.push(Object.fromEntries(query));
    const limit = Number(query.get("limit") ?? Infinity);
    const behind = numbers().filter((number) => number > Number(query.get("after") ?? 0));
    const last = ranges.at(-1)?.[1] ?? 0;
    let found = behind.slice(0, limit);
    let searched = last;
    if (query.has("search")) {
      // It looks at 100 lines at a time.
      const part = behind.slice(0, 100);
      found = part.filter((number) => textOf(number).includes(query.get("search"))).slice(0, limit);
      searched = part.at(-1) ?? last;
    }
    return new Response(found.map((N) => `${JSON.stringify({ N, Text: textOf(N) })}\n`).join(""), {
      headers: {
        "Tasky-Lines": ranges.map((range) => range.join("-")).join(),
        "Tasky-Last-Line": last,
        "Tasky-Searched": searched,
      },
    });
  };
  return asked;
}

const settled = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

async function all(condition) {
  while (!condition()) await settled();
}

test("rows have numbers, and numbers rows, also behind a gap", () => {
  const lines = new Lines("a", undefined, () => {});
  lines.setRanges(parseRanges("1-3,10-12"));
  assert.equal(lines.count, 6);
  assert.deepEqual([0, 2, 3, 5].map((row) => lines.numberOf(row)), [1, 3, 10, 12]);
  assert.deepEqual([1, 3, 7, 10, 12, 99].map((number) => lines.rowOf(number)), [0, 2, 3, 3, 5, 5]);
  assert.deepEqual(parseRanges(""), []);
});

test("what is wanted is read, piece by piece, and once", async () => {
  const asked = serve([[1, 1200]]);
  const lines = new Lines("a", 2, () => {});
  lines.setRanges([[1, 1200]]);
  lines.want(480, 520);
  assert.equal(lines.at(480), undefined);
  await all(() => lines.at(480) && lines.at(519));
  assert.equal(lines.at(499).Text, "line 500");
  assert.deepEqual(asked.map(({ after, limit, attempt }) => [after, limit, attempt]), [
    ["500", "500", "2"],
    ["0", "500", "2"],
  ]);
  lines.want(490, 530);
  await settled();
  assert.equal(asked.length, 2);
});

test("a log that grows is read on from where it was", async () => {
  const ranges = [[1, 10]];
  const asked = serve(ranges);
  const lines = new Lines("a", undefined, () => {});
  assert.equal(lines.setRanges([[1, 10]]), false);
  lines.want(0, 10);
  await all(() => lines.at(9));
  ranges[0][1] = 15;
  assert.equal(lines.setRanges([[1, 15]]), false);
  lines.want(0, 15);
  await all(() => lines.at(14));
  assert.deepEqual(asked.map(({ after }) => after), ["0", "10"]);
});

test("lines that were dropped make other rows of the same ones", async () => {
  const ranges = [[1, 1000]];
  serve(ranges);
  const lines = new Lines("a", undefined, () => {});
  lines.setRanges([[1, 1000]]);
  lines.want(0, 20);
  await all(() => lines.at(0));
  ranges.splice(0, 1, [1, 10], [700, 1200]);
  assert.equal(lines.setRanges([[1, 10], [700, 1200]]), true);
  assert.equal(lines.numberOf(10), 700);
  lines.want(5, 12);
  await all(() => lines.at(5) && lines.at(10));
  assert.equal(lines.at(10).N, 700);
});

test("a search begins where one is, and goes round", async () => {
  serve([[1, 1000]], (number) => (number % 100 === 0 ? "needle" : "hay"));
  const shown = [];
  const search = new Search("a", undefined, "needle", 450, { onFound() {}, onShow: (number) => shown.push(number) });
  await all(() => search.isDone);
  assert.deepEqual([search.count, search.rank, search.current], [10, 5, 500]);
  for (const by of [1, -1, -1]) search.step(by);
  assert.deepEqual(shown, [500, 600, 500, 400]);
  assert.equal(search.rank, 4);
  assert.deepEqual([400, 401, 500].map((number) => search.has(number)), [true, false, true]);
});

test("a search goes on in what comes later", async () => {
  const ranges = [[1, 100]];
  serve(ranges, (number) => (number === 50 || number === 150 ? "needle" : "hay"));
  const search = new Search("a", undefined, "needle", 60, { onFound() {}, onShow() {} });
  await all(() => search.isDone);
  assert.deepEqual([search.count, search.current], [1, 50]);
  ranges[0][1] = 200;
  await search.look();
  assert.deepEqual([search.count, search.rank, search.current], [2, 1, 50]);
});

test("what nobody wrote is found nowhere, and an error is told", async () => {
  serve([[1, 300]]);
  const search = new Search("a", undefined, "needle", 1, { onFound() {}, onShow: assert.fail });
  await all(() => search.isDone);
  assert.equal(search.count, 0);
  search.step(1);
  globalThis.fetch = async () => new Response('{"detail":"no"}', { status: 500 });
  await search.look();
  assert.equal(search.error.message, "no");
});

test("results that are a table, or text", () => {
  const rows = [{ a: 1 }, { b: 2 }];
  assert.deepEqual(tableIn(rows), { name: null, rows });
  assert.deepEqual(tableIn({ rows, more: 1 }), { name: "rows", rows });
  for (const other of [null, "x", 1, [], [1], [{}, null], [[]], { a: rows, b: rows }, {}]) assert.equal(tableIn(other), null);
  assert.equal(textIn("x"), "x");
  assert.equal(textIn({ string_output: "x" }), "x");
  assert.equal(textIn({ string_output: "x", truncated: true }), "x\n…\n");
  for (const other of [null, 1, { string_output: 1 }, { string_output: "x", more: 1 }, ["x"]]) assert.equal(textIn(other), null);
});

test("the timeline of a task with attempts and actions is in order", () => {
  const at = (second) => `2026-11-25T10:00:${String(second).padStart(2, "0")}Z`;
  const task = {
    Status: "Canceled", Created: at(0), Finished: at(9), By: "ann",
    Attempts: [
      { Number: 1, Started: at(1), Finished: at(3), ExitCode: 7, Error: { message: "exit status 7" } },
      { Number: 2, Started: at(5), Finished: at(9), Signal: "SIGTERM" },
    ],
    Actions: [{ Time: at(8), By: "ben", Action: "cancel" }],
  };
  assert.deepEqual(eventsOf(task).map(({ time, status }) => [time.slice(17, 19), status]), [
    ["00", "Queued"], ["01", "Running"], ["03", "Failed"], ["05", "Running"], ["08", "Canceling"], ["09", "Canceled"],
  ]);
  assert.equal(eventsOf(task)[2].what, "Attempt 1: ended after 2.0 s, with exit status 7");
  const waited = { Status: "Canceled", Created: at(0), Finished: at(2), Attempts: [] };
  assert.deepEqual(eventsOf(waited).map(({ what }) => what), ["Submitted", "Ended without having started"]);
});
