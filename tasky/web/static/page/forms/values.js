// From a parameter's value to what its field holds, and back.

/**
 * What a field holds: a text; a boolean; the number of a choice ("" for none); the texts of a list, the numbers of
 * choices; File objects; what the fields of a group hold.
 * @typedef {string | boolean | string[] | File[] | Record<string, any>} Held
 * @typedef {{value: any} | {left: true} | {error: string}} Read  left: to its default
 * @typedef {import("./fields.js").Field} Field
 * @typedef {(field: Field, value: any) => string | null} Check
 */

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const LISTS = new Set(["list", "choices", "files"]);

/** A value -> what its field holds; undefined and null where a kind says nothing of them: an empty text. */
const HOLDERS = {
  file: () => [],
  files: () => [],
  choice: (value, { schema }) => (value === undefined ? "" : indexOf(schema.enum, value)),
  choices: (value, { schema }) =>
    [].concat(value ?? []).map((each) => indexOf(schema.items.enum, each)),
  boolean: (value) => value ?? "",
  list: (value) => [].concat(value ?? []).map(String),
  group: (value, { fields }) =>
    Object.fromEntries(fields.map((field) => [field.name, held(field, value?.[field.name])])),
  json: (value) => JSON.stringify(value, null, 2),
  datetime: toLocal,
};

/** What a field holds -> its value; only where it is not empty. */
const READERS = {
  file: ([file]) => ({ value: file }),
  choice: (content, { schema }) => ({ value: schema.enum[content] }),
  choices: (content, { schema }) => ({ value: content.map((each) => schema.items.enum[each]) }),
  boolean: (content) => ({ value: content === true || content === "true" }),
  number: readNumber,
  json: readJson,
  datetime: readTime,
  list: readList,
  group: readGroup,
  secret: (content, field) => (takesText(field) ? { value: content } : readJson(content)),
};

/**
 * @param {Field} field
 * @param {any} [value] undefined: its default
 * @returns {Held}
 */
export function held(field, value = field.fallback) {
  const hold = HOLDERS[field.kind];
  const isNothing = value === undefined || value === null;
  if (hold && (!isNothing || !["json", "datetime"].includes(field.kind))) return hold(value, field);
  if (isNothing) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/**
 * @param {Field} field
 * @param {Held} content
 * @param {Check} check asked about what is in a group
 * @returns {Read} what a field says, before its own schema is asked
 */
export function read(field, content, check) {
  if (isEmpty(field, content)) return readNothing(field);
  return READERS[field.kind]?.(content, field, check) ?? { value: content };
}

/** What a field says, and what is wrong with it. */
export function readChecked(field, content, check) {
  const found = read(field, content, check);
  const error = "value" in found ? check(field, found.value) : found.error;
  return error ? { error } : found;
}

function isEmpty(field, content) {
  if (field.kind === "group") return !field.required && same(content, held(field));
  return Array.isArray(content) ? content.every((each) => each === "") : content === "";
}

function readNothing(field) {
  const { kind, schema, required, nullable, fallback } = field;
  if (LISTS.has(kind) && !(required && schema.minItems > 0)) {
    return required || Array.isArray(fallback) ? { value: [] } : { left: true };
  }
  if (takesText(field) && !required && !nullable && fallback !== undefined) return { value: "" };
  if (nullable && fallback !== null) return { value: null };
  return required ? { error: "Required" } : { left: true };
}

function takesText({ kind, schema }) {
  const types = [].concat(schema.type ?? "string");
  return ["text", "lines", "secret"].includes(kind) && types.includes("string");
}

function readList(content, { schema }) {
  const texts = content.filter((each) => each !== "");
  if (schema.items.type === "string") return { value: texts };
  const values = texts.map(readNumber);
  return values.find(({ error }) => error) ?? { value: values.map(({ value }) => value) };
}

/** Nobody fills in the defaults inside an object: what its fields show is sent. */
function readGroup(content, { fields }, check) {
  const value = {};
  for (const field of fields) {
    const found = readChecked(field, content[field.name], check);
    if ("error" in found) return { error: `${field.name}: ${found.error}` };
    if ("value" in found) value[field.name] = found.value;
  }
  return { value };
}

function readNumber(text) {
  const trimmed = text.trim();
  if (!NUMBER.test(trimmed)) return { error: `“${trimmed}” is not a number` };
  const value = Number(trimmed);
  const isExact =
    Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
  return isExact ? { value } : { error: "This number is larger than can be said exactly" };
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
  const isTime = !Number.isNaN(value.getTime());
  return isTime ? { value: value.toISOString() } : { error: "Not a time" };
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
 * @param {Field[]} fields
 * @param {Record<string, Held>} contents
 * @param {Check} check
 */
export function readAll(fields, contents, check) {
  const params = {};
  /** @type {[string, File][]} */
  const files = [];
  /** @type {Record<string, string>} */
  const errors = {};
  for (const field of fields) {
    const { name, kind, fallback } = field;
    const { value, error } = readChecked(field, contents[name], check);
    if (error) errors[name] = error;
    else if (value === undefined || same(value, fallback)) continue;
    else if (kind === "file" && value) files.push([name, value]);
    else if (kind === "files") files.push(...value.map((each) => [name, each]));
    else params[name] = value;
  }
  return { params, files, errors };
}
