import assert from "node:assert/strict";
import { test } from "node:test";
import { check, violation } from "PAGE/forms/check.js";
import { curlOf, quoted } from "PAGE/forms/curl.js";
import { fieldOf, fieldsOf, rulesOf } from "PAGE/forms/fields.js";
import { sorted } from "PAGE/forms/form.js";
import { held, read, readAll } from "PAGE/forms/values.js";

const kind = (schema) => fieldOf("x", schema, true).kind;
const optional = (schema) => fieldOf("x", schema, false);

test("each schema has its kind of field", () => {
  assert.equal(kind({ type: "string", maxLength: 80 }), "text");
  assert.equal(kind({ type: "string", maxLength: 4000 }), "lines");
  assert.equal(kind({ type: "string", maxLength: 4000, pattern: "^/" }), "text");
  assert.equal(kind({ type: ["string", "null"], format: "date" }), "date");
  assert.equal(kind({ type: "string", format: "date-time" }), "datetime");
  assert.equal(kind({ type: "string", writeOnly: true }), "secret");
  assert.equal(kind({ type: "integer" }), "number");
  assert.equal(kind({ type: "boolean" }), "boolean");
  assert.equal(kind({ enum: [1, "two", null] }), "choice");
  assert.equal(kind({ type: "array", items: { enum: ["a", "b"] } }), "choices");
  assert.equal(kind({ type: "array", items: { type: "integer" } }), "list");
  assert.equal(kind({ type: "array", items: { type: "string", format: "file" } }), "files");
  assert.equal(kind({ type: "string", format: "file" }), "file");
  assert.equal(kind({ type: "object", properties: { a: {} } }), "group");
  for (const other of [{}, { type: ["string", "integer"] }, { type: "object" }, { type: "array" }, { anyOf: [] }, { type: "string", $ref: "#" }]) {
    assert.equal(kind(other), "json");
  }
});

test("what must be filled in comes first", () => {
  const fields = fieldsOf({ properties: { a: { default: 1 }, b: { type: "string" } }, required: ["b"] });
  assert.deepEqual(fields.map(({ name, required }) => [name, required]), [["b", true], ["a", false]]);
});

test("rules are told in words, those of machines are not", () => {
  assert.equal(rulesOf(optional({ type: "integer", minimum: 1, maximum: 20 })), "1 to 20, a whole number");
  assert.equal(rulesOf(optional({ type: "number", exclusiveMinimum: 0, maximum: 1 })), "at most 1, more than 0");
  assert.equal(rulesOf(optional({ type: "string", minLength: 1, maxLength: 4096 })), "");
  assert.equal(rulesOf(optional({ type: "string", minLength: 8 })), "at least 8 characters");
});

test("what a field holds says the same again", () => {
  const values = [
    [{ type: "string", default: "" }, "a\nb"],
    [{ type: "number", default: 1 }, 1e-7],
    [{ type: "boolean", default: false }, true],
    [{ enum: [1, { a: 2 }, null], default: 1 }, { a: 2 }],
    [{ type: "array", items: { type: "integer" }, default: [] }, [1, 2]],
    [{ type: "array", items: { enum: ["a", "b", "c"] }, default: [] }, ["a", "c"]],
    [{ type: "object", default: {} }, { a: [1, null] }],
    [{ type: "object", default: null, properties: { a: { type: "integer" }, b: { type: "boolean" }, c: {} } }, { a: 1 }],
    [{ type: "string", format: "date-time", default: "2026-01-01T00:00:00Z" }, "2026-11-24T18:01:15.000Z"],
  ];
  for (const [schema, value] of values) {
    const field = optional(schema);
    assert.deepEqual(read(field, held(field, value), check), { value });
  }
});

test("an empty field is missing, null, empty, or left to its default", () => {
  assert.deepEqual(read(fieldOf("x", { type: "string" }, true), ""), { error: "Required" });
  assert.deepEqual(read(optional({ type: "string", default: "a" }), ""), { value: "" });
  assert.deepEqual(read(optional({ type: "number", default: 5 }), ""), { left: true });
  assert.deepEqual(read(optional({ type: ["number", "null"], default: 5 }), ""), { value: null });
  assert.deepEqual(read(optional({ type: ["string", "null"], default: null }), ""), { left: true });
  const items = { type: "string" };
  assert.deepEqual(read(fieldOf("x", { type: "array", items }, true), [""]), { value: [] });
  assert.deepEqual(read(fieldOf("x", { type: "array", items, minItems: 1 }, true), [""]), { error: "Required" });
  assert.deepEqual(read(optional({ type: "array", items, default: ["a"] }), [""]), { value: [] });
  assert.deepEqual(read(optional({ type: ["array", "null"], items, default: null }), []), { left: true });
});

test("a group says what is wrong inside, and is left alone if it may be", () => {
  const schema = { type: "object", properties: { host: { type: "string" }, port: { type: "integer", default: 22 } }, required: ["host"] };
  const needed = fieldOf("x", schema, true);
  assert.deepEqual(read(needed, held(needed), check), { error: "host: Required" });
  assert.deepEqual(read(needed, { host: "a", port: "22" }, check), { value: { host: "a", port: 22 } });
  assert.deepEqual(read(needed, { host: "a", port: "x" }, check), { error: "port: “x” is not a number" });
  const field = optional({ ...schema, default: null });
  assert.deepEqual(read(field, held(field), check), { left: true });
});

test("a value that a group cannot show is written as JSON", () => {
  const schema = { type: "object", properties: { a: {} }, default: {} };
  const [field] = fieldsOf({ properties: { x: schema } }, { x: { a: 1, b: 2 } });
  assert.equal(field.kind, "json");
});

test("numbers are those of JSON, as far as they are exact", () => {
  const field = optional({ type: "number", default: 0 });
  assert.deepEqual([" 1.50 ", "-2e3", ".5"].map((text) => read(field, text).value), [1.5, -2000, 0.5]);
  for (const wrong of ["1,5", "0x10", "Infinity", "1e999", "12345678901234567890", "one"]) assert.ok(read(field, wrong).error, wrong);
});

test("what is wrong is said as one types", () => {
  const said = (schema, value) => check(optional(schema), value);
  assert.equal(said({ type: "string", minLength: 8 }, "geheim"), "At least 8 characters: 6 so far");
  assert.equal(said({ type: "string", pattern: "^/" }, "etc"), "Does not fit ^/");
  assert.equal(said({ type: "string", pattern: "(" }, "etc"), null);
  assert.equal(said({ type: "integer" }, 1.5), "Must be a whole number");
  assert.equal(said({ type: "number", multipleOf: 0.1 }, 0.3), null);
  assert.equal(said({ type: "array", items: { type: "string", pattern: "^/" } }, ["/a", "b"]), "2: Does not fit ^/");
  assert.equal(said({ type: "array", uniqueItems: true, items: {} }, [1, 1]), "Each only once");
  assert.equal(violation({ type: "object", properties: { depth: { minimum: 0 } } }, { depth: -1 }), "depth: At least 0");
  assert.equal(violation({ type: "object", required: ["a"] }, {}), "a is missing");
  assert.equal(violation({ type: "string" }, null), "Must not be empty");
  assert.equal(violation({ type: ["string", "null"] }, null), null);
});

test("what is at its default is not sent, files go apart", () => {
  const fields = fieldsOf({
    properties: { a: { type: "integer", default: 3 }, b: { type: "string" }, f: { type: "string", format: "file" }, n: { type: "integer" } },
    required: ["b", "f", "n"],
  });
  const file = new File(["x"], "x.txt");
  const { params, files, errors } = readAll(fields, { a: "3", b: "text", f: [file], n: "many" }, check);
  assert.deepEqual([params, files], [{ b: "text" }, [["f", file]]]);
  assert.deepEqual(errors, { n: "“many” is not a number" });
});

test("the server's errors find their fields", () => {
  const errors = [
    { detail: "source: \"x\" does not match \"^/\"", pointer: "/source" },
    { detail: "paths[0]: is too long", pointer: "/paths/0" },
    { detail: "must be a duration", pointer: "", parameter: "timeout" },
    { detail: "gone: unknown parameter", pointer: "/gone" },
  ];
  assert.deepEqual(sorted(errors, new Set(["source", "paths", "timeout"])), {
    fields: { source: "\"x\" does not match \"^/\"", paths: "paths[0]: is too long", timeout: "must be a duration" },
    others: ["gone: unknown parameter"],
  });
});

test("a line for a shell, without secrets", () => {
  const told = { address: "http://h/w", params: { text: "it's", password: "geheim" }, files: [], secrets: ["password"], auth: true };
  assert.equal(
    curlOf(told),
    "curl http://h/w -H \"Authorization: Bearer $TASKY_TOKEN\" -H 'Content-Type: application/json' -d '{\"text\":\"it'\\''s\",\"password\":\"…\"}'",
  );
  const file = new File(["x"], "a \"b\".txt");
  assert.equal(
    curlOf({ ...told, params: { n: 1 }, files: [["f", file]], auth: false }),
    "curl http://h/w --form-string 'params={\"n\":1}' -F 'f=@\"a \\\"b\\\".txt\"'",
  );
  assert.equal(quoted("$(rm -rf /)"), "'$(rm -rf /)'");
});
