// A value against its schema, as far as one wants to be told while one types. The server checks all of it again, and
// has the last word: what is not known here (formats, combinations) passes.
import { same } from "./values.js";

/**
 * @param {import("./fields.js").Field} field
 * @param {any} value
 * @returns {string | null} what is wrong, for people
 */
export function check({ schema, kind }, value) {
  if (kind === "file") return null;
  return violation(schema, value);
}

/** @returns {string | null} */
export function violation(schema, value) {
  if (typeof schema !== "object" || value === null)
    return isType(schema, value) ? null : "Must not be empty";
  if (schema.enum && !schema.enum.some((each) => same(each, value)))
    return "Not one of the choices";
  if (!isType(schema, value)) return `Must be ${typesOf(schema)}`;
  if (typeof value === "string") return ofText(schema, value);
  if (typeof value === "number") return ofNumber(schema, value);
  if (Array.isArray(value)) return ofList(schema, value);
  return typeof value === "object" ? ofObject(schema, value) : null;
}

const NAMES = {
  string: "a text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  null: "null",
};

function typesOf(schema) {
  return []
    .concat(schema.type)
    .map((each) => NAMES[each] ?? each)
    .join(" or ");
}

function isType(schema, value) {
  const types = [].concat(schema?.type ?? []);
  return (
    types.length === 0 ||
    types.some((type) => {
      if (type === "null") return value === null;
      if (type === "array") return Array.isArray(value);
      if (type === "integer") return Number.isInteger(value);
      if (type === "object")
        return typeof value === "object" && value !== null && !Array.isArray(value);
      return typeof value === type;
    })
  );
}

function ofText({ minLength = 0, maxLength = Infinity, pattern, format }, value) {
  const length = [...value].length;
  if (length < minLength)
    return minLength === 1 ? "Required" : `At least ${minLength} characters: ${length} so far`;
  if (length > maxLength) return `At most ${maxLength} characters: ${length} now`;
  if (pattern !== undefined && !fits(pattern, value)) return `Does not fit ${pattern}`;
  if (format === "email" && !/^[^@\s]+@[^@\s]+$/.test(value)) return "Not an address of mail";
  if (format === "uri" && !URL.canParse(value)) return "Not an address";
  return null;
}

/** What this browser does not understand, it does not judge. */
function fits(pattern, value) {
  try {
    return new RegExp(pattern, "u").test(value);
  } catch {
    return true;
  }
}

function ofNumber(schema, value) {
  if (value < schema.minimum) return `At least ${schema.minimum}`;
  if (value > schema.maximum) return `At most ${schema.maximum}`;
  if (value <= schema.exclusiveMinimum) return `More than ${schema.exclusiveMinimum}`;
  if (value >= schema.exclusiveMaximum) return `Less than ${schema.exclusiveMaximum}`;
  if (schema.multipleOf && !isMultiple(value, schema.multipleOf))
    return `A multiple of ${schema.multipleOf}`;
  return null;
}

function isMultiple(value, of) {
  const times = value / of;
  return Math.abs(times - Math.round(times)) < 1e-9 * Math.max(1, Math.abs(times));
}

function ofList({ minItems = 0, maxItems = Infinity, uniqueItems, items }, value) {
  if (value.length < minItems)
    return minItems === 1 ? "Required" : `At least ${minItems}: ${value.length} so far`;
  if (value.length > maxItems) return `At most ${maxItems}: ${value.length} now`;
  if (items?.format === "file") return null;
  if (uniqueItems && new Set(value.map((each) => JSON.stringify(each))).size < value.length)
    return "Each only once";
  for (const [at, each] of value.entries()) {
    const wrong = items && violation(items, each);
    if (wrong) return `${at + 1}: ${wrong}`;
  }
  return null;
}

function ofObject({ properties = {}, required = [], additionalProperties }, value) {
  const missing = required.filter((name) => !Object.hasOwn(value, name));
  if (missing.length) return `${missing.join(", ")} is missing`;
  for (const [name, each] of Object.entries(value)) {
    const known = Object.hasOwn(properties, name);
    if (!known && additionalProperties === false) return `${name}: there is no such member`;
    const wrong = known && violation(properties[name], each);
    if (wrong) return `${name}: ${wrong}`;
  }
  return null;
}
