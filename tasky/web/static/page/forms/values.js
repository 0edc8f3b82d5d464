// From a parameter's value to what its field holds, and back.

/**
 * What a field holds: a text; a boolean; the number of a choice ("" for none); the texts of a list, the numbers of
 * choices; File objects.
 * @typedef {string | boolean | string[] | File[]} Held
 * @typedef {{value: any} | {left: true} | {error: string}} Read  left: to its default
 */

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * @param {import("./fields.js").Field} field
 * @param {any} [value] undefined: its default
 * @returns {Held}
 */
export function held(field, value = field.fallback) {
  const { kind, schema } = field;
  if (kind === "file" || kind === "files") return [];
  if (kind === "choice") return value === undefined ? "" : indexOf(schema.enum, value);
  if (kind === "choices")
    return [].concat(value ?? []).map((each) => indexOf(schema.items.enum, each));
  if (kind === "boolean")
    return value === undefined || value === null
      ? field.required || field.nullable
        ? ""
        : false
      : value;
  if (kind === "list") return [].concat(value ?? []).map(String);
  if (value === undefined || value === null) return "";
  if (kind === "json") return JSON.stringify(value, null, 2);
  if (kind === "datetime") return toLocal(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** @returns {Read} what a field says, before its schema is asked */
export function read(field, content) {
  const { kind, schema } = field;
  if (kind === "file") return content.length ? { value: content[0] } : nothing(field);
  if (kind === "files")
    return content.length || !field.required ? { value: content } : nothing(field);
  if (kind === "choice") return content === "" ? nothing(field) : { value: schema.enum[content] };
  if (kind === "choices") return { value: content.map((each) => schema.items.enum[each]) };
  if (kind === "list") return readList(field, content);
  if (kind === "boolean")
    return content === "" ? nothing(field) : { value: content === true || content === "true" };
  if (content === "")
    return isText(field) && !field.required && !field.nullable ? { value: "" } : nothing(field);
  if (kind === "number") return readNumber(content);
  if (kind === "json") return readJson(content);
  if (kind === "secret" && schema.type !== undefined && !isText(field)) return readJson(content);
  if (kind === "datetime") return readTime(content);
  return { value: content };
}

function isText({ kind, schema }) {
  return (
    ["text", "lines", "secret"].includes(kind) &&
    [].concat(schema.type ?? "string").includes("string")
  );
}

function nothing({ required, nullable, fallback }) {
  if (nullable && fallback !== null) return { value: null };
  return required ? { error: "Required" } : { left: true };
}

function readList({ schema, required }, content) {
  const texts = content.filter((each) => each !== "");
  if (texts.length === 0 && required && schema.minItems) return { error: "Required" };
  if (schema.items.type === "string") return { value: texts };
  const values = texts.map(readNumber);
  return values.find(({ error }) => error) ?? { value: values.map(({ value }) => value) };
}

function readNumber(text) {
  const trimmed = text.trim();
  if (!NUMBER.test(trimmed)) return { error: `“${trimmed}” is not a number` };
  const value = Number(trimmed);
  if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
    return { error: "This number is larger than can be said exactly" };
  }
  return { value };
}

function readJson(text) {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { error: `Not JSON: ${error.message}` };
  }
}

function readTime(text) {
  const value = new Date(text);
  return Number.isNaN(value.getTime()) ? { error: "Not a time" } : { value: value.toISOString() };
}

/** A moment as a field for local times has it: 2026-11-24T19:01:15. */
export function toLocal(iso) {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return "";
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

function indexOf(list, value) {
  const at = list.findIndex((each) => same(each, value));
  return at < 0 ? "" : String(at);
}

/** A value as people read it. */
export function inWords(value) {
  if (value === null) return "none";
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function same(one, other) {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

/**
 * All fields together: what is to be sent, the files apart, and what is wrong where.
 * @param {import("./fields.js").Field[]} fields
 * @param {Record<string, Held>} contents
 * @param {(field: import("./fields.js").Field, value: any) => string | null} check
 */
export function readAll(fields, contents, check) {
  const params = {};
  /** @type {[string, File][]} */
  const files = [];
  /** @type {Record<string, string>} */
  const errors = {};
  for (const field of fields) {
    const found = read(field, contents[field.name]);
    const error = "value" in found ? check(field, found.value) : (found.error ?? null);
    if (error) errors[field.name] = error;
    else if ("left" in found || (field.fallback !== undefined && same(found.value, field.fallback)))
      continue;
    else if (field.kind === "file" && found.value) files.push([field.name, found.value]);
    else if (field.kind === "files") files.push(...found.value.map((each) => [field.name, each]));
    else params[field.name] = found.value;
  }
  return { params, files, errors };
}
