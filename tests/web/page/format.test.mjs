import assert from "node:assert/strict";
import { test } from "node:test";
import { duration, percent, relativeTime, shortId, size, ticking } from "PAGE/format.js";

test("durations have two units at most", () => {
  const told = [0, 0.0004, 0.3501, 0.9996, 1, 9.94, 9.96, 59.4, 59.6, 65, 3599.6, 3600, 7384, 86_399, 90_061, 86_400_000];
  assert.deepEqual(told.map(duration), [
    "0 ms", "0 ms", "350 ms", "1.0 s", "1.0 s", "9.9 s", "10 s", "59 s", "1 min 00 s", "1 min 05 s", "1 h 00 min", "1 h 00 min",
    "2 h 03 min", "23 h 59 min", "1 d 1 h", "1,000 d 0 h",
  ]);
});

test("what ticks has whole seconds, and is never less than nothing", () => {
  assert.deepEqual([-3, 0.9, 59.99, 61].map(ticking), ["0 s", "0 s", "59 s", "1 min 01 s"]);
});

test("sizes", () => {
  assert.deepEqual([0, 1023, 1024, 1536, 5 * 1024 ** 3].map(size), ["0 B", "1,023 B", "1 KiB", "1.5 KiB", "5 GiB"]);
});

test("nothing is done before it is", () => {
  assert.deepEqual([0, 42.4, 99.9, 100].map(percent), ["0 %", "42 %", "99 %", "100 %"]);
});

test("relative times", () => {
  const now = Date.parse("2026-11-24T12:00:00Z");
  assert.equal(relativeTime("2026-11-24T11:55:00Z", now), "5 min. ago");
  assert.equal(relativeTime("2026-11-24T14:00:00Z", now), "in 2 hr.");
  assert.equal(relativeTime("2026-11-23T11:00:00Z", now), "yesterday");
});

test("ids are told apart by their ends", () => {
  assert.equal(shortId("01a20eb8170970a7b9abef1f8a938382"), "8a938382");
});
