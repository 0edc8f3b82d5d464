import assert from "node:assert/strict";
import { test } from "node:test";
import { EventParser } from "PAGE/sse.js";
import { parseAnsi, plainText } from "PAGE/ui/ansi.js";
import { isLink } from "PAGE/ui/json.js";

test("events come whole, however they are cut", () => {
  const text = "retry: 2000\nid: e-1\n\n: alive\nid: e-2\nevent: status\ndata: {\"TaskId\":\n"
    + "data: \"a\"}\r\n\nid: e-3\nevent: log\ndata: {\"N\":1}\n\n";
  for (const step of [1, 7, text.length]) {
    const parser = new EventParser();
    const messages = [];
    for (let at = 0; at < text.length; at += step) messages.push(...parser.feed(text.slice(at, at + step)));
    assert.deepEqual(messages, [
      { id: "e-2", event: "status", data: { TaskId: "a" } },
      { id: "e-3", event: "log", data: { N: 1 } },
    ]);
    assert.equal(parser.lastId, "e-3");
  }
});

test("half an event of a broken connection is none", () => {
  const parser = new EventParser();
  parser.feed("id: 1\nevent: status\ndata: {\"a\":1}\n\nevent: log\ndata: {\"b\"");
  parser.reset();
  assert.deepEqual(parser.feed("event: status\ndata: {\"c\":1}\n\n"), [{ id: "1", event: "status", data: { c: 1 } }]);
});

test("colours of terminals", () => {
  const { spans, style } = parseAnsi("a\x1b[1;31mb\x1b[39mc\x1b[38;5;208md\x1b[48;2;1;2;3me\x1b[0mf\x1b[95mg");
  assert.deepEqual(spans.map(({ text }) => text).join(""), "abcdefg");
  assert.deepEqual(spans[1].style, { bold: true, fg: 1 });
  assert.equal(spans[3].style.fg, "rgb(255 135 0)");
  assert.equal(spans[4].style.bg, "rgb(1 2 3)");
  assert.deepEqual(spans[5].style, {});
  assert.deepEqual(style, { fg: 13 });
});

test("what is no colour is left out, what cannot be seen is shown", () => {
  assert.equal(plainText("\x1b]0;title\x07a\x1b[2Kb\x1b[?25lc\x1b(Bd"), "abcd");
  assert.equal(plainText("a\x00b\x08c\r"), "a␀b␈c");
  assert.equal(plainText("<script>alert(1)</script>"), "<script>alert(1)</script>");
});

test("links lead to the web only", () => {
  assert.ok(isLink("https://example.org/a?b=c"));
  for (const other of ["javascript:alert(1)", "data:text/html,x", " https://example.org", "https://a b", "ftp://x", "//x", "https://"]) {
    assert.ok(!isLink(other), other);
  }
});
