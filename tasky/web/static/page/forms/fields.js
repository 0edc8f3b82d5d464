// What kind of field a parameter gets, by its JSON Schema, and what is said about it beside.

/**
 * @typedef {"text" | "lines" | "secret" | "number" | "boolean" | "choice" | "choices" | "date" | "datetime" | "file"
 *   | "files" | "list" | "group" | "json"} Kind
 * @typedef {object} Field
 * @property {string} name
 * @property {Kind} kind
 * @property {any} schema
 * @property {boolean} required
 * @property {boolean} nullable an empty field is null
 * @property {any} fallback its default; undefined: it has none
 * @property {boolean} secret
 * @property {Field[]} [fields] of a group
 * @property {boolean} [plain] its description says all there is to say
 */

const MANY_LETTERS = 500;
const SCALAR = new Set(["string", "number", "integer"]);
/** A schema with one of these is more than a field can show: its value is written as JSON. */
const COMPOUND = ["$ref", "allOf", "anyOf", "oneOf", "not", "if", "const"];

/**
 * @param {{properties?: Record<string, any>, required?: string[]}} schema of a worker's parameters
 * @param {Record<string, any>} [given] values that the fields must be able to show
 * @returns {Field[]} those that must be filled in first
 */
export function fieldsOf(schema, given = {}) {
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties ?? {}).map(([name, each]) =>
    fieldOf(name, each, required.has(name), given?.[name]),
  );
  return [
    ...fields.filter((field) => field.required),
    ...fields.filter((field) => !field.required),
  ];
}

/** @returns {Field} */
export function fieldOf(name, schema, required, given = schema.default) {
  const [type, nullable] = typeOf(schema);
  const secret = schema.writeOnly === true;
  const kind = kindOf(schema, type, secret, given);
  return {
    name,
    kind,
    fields: kind === "group" ? fieldsOf(schema, given) : undefined,
    schema,
    required,
    nullable,
    fallback: schema.default,
    secret,
  };
}

/** The one type of a schema, and whether it may be null besides; undefined if there is no one. */
export function typeOf(schema) {
  const types = [].concat(schema.type ?? []);
  const others = types.filter((each) => each !== "null");
  return [others.length === 1 ? others[0] : undefined, types.includes("null")];
}

function kindOf(schema, type, secret, given) {
  if (Array.isArray(schema.enum)) return "choice";
  if (secret) return "secret";
  if (COMPOUND.some((key) => key in schema)) return "json";
  if (type === "string") return kindOfText(schema);
  if (type === "number" || type === "integer") return "number";
  if (type === "boolean") return "boolean";
  if (type === "array") return kindOfList(schema);
  return type === "object" && isGroup(schema, given) ? "group" : "json";
}

/** Its members are known, and so are all of a value that is to be shown. */
function isGroup({ properties = {}, patternProperties }, given) {
  const names = Object.keys(properties);
  const isKnown = Object.keys(given ?? {}).every((name) => names.includes(name));
  return names.length > 0 && !patternProperties && isKnown;
}

function kindOfText(schema) {
  if (schema.format === "file") return "file";
  if (schema.format === "date") return "date";
  if (schema.format === "date-time") return "datetime";
  const isLong = (schema.maxLength ?? 0) >= MANY_LETTERS && !schema.pattern && !schema.format;
  return isLong || String(schema.default ?? "").includes("\n") ? "lines" : "text";
}

function kindOfList({ items = {}, prefixItems }) {
  const [type, nullable] = typeOf(items);
  if (items.format === "file") return "files";
  if (prefixItems || nullable || COMPOUND.some((key) => key in items)) return "json";
  if (Array.isArray(items.enum)) return "choices";
  return SCALAR.has(type) ? "list" : "json";
}

/** What a value must be like, in a few words: "1 to 20", "at least 8 characters". */
export function rulesOf({ kind, schema, plain }) {
  if (plain) return "";
  const words = [];
  if (kind === "number") words.push(range(schema, "minimum", "maximum", ""), ...bounds(schema));
  if (["text", "lines", "secret"].includes(kind))
    words.push(range(schema, "minLength", "maxLength", "characters"));
  if (["list", "files", "choices"].includes(kind))
    words.push(range(schema, "minItems", "maxItems", "of them"));
  if (schema.type === "integer") words.push("a whole number");
  if (kind === "text" && schema.format) words.push(FORMATS[schema.format] ?? schema.format);
  if (kind === "json")
    words.push(`JSON${schema.type ? `: ${[].concat(schema.type).join(" or ")}` : ""}`);
  if (schema.pattern) words.push(`fits ${schema.pattern}`);
  if (kind === "list" && schema.items.pattern) words.push(`each fits ${schema.items.pattern}`);
  return words.filter(Boolean).join(", ");
}

const FORMATS = {
  email: "an address of mail",
  uri: "an address of the web",
  hostname: "a host's name",
  ipv4: "an IPv4 address",
  ipv6: "an IPv6 address",
  uuid: "a UUID",
  regex: "a regular expression",
  duration: "a duration such as PT1H30M",
  time: "a time such as 14:03:22Z",
};

function range(schema, low, high, unit) {
  const most = schema[high];
  // At least one character, or item: "required" says that.
  const least = unit && schema[low] === 1 && !(most < 1000) ? undefined : schema[low] || undefined;
  // Limits that are there for machines say nothing to people.
  const told = most !== undefined && most < 100_000 && !(unit === "characters" && most >= 1000);
  const words =
    least !== undefined && told
      ? `${least} to ${most}`
      : least !== undefined
        ? `at least ${least}`
        : told
          ? `at most ${most}`
          : "";
  return words && unit ? `${words} ${unit}` : words;
}

function bounds(schema) {
  const words = [];
  if (schema.minimum === 0) words.push("not negative");
  if (schema.exclusiveMinimum !== undefined) words.push(`more than ${schema.exclusiveMinimum}`);
  if (schema.exclusiveMaximum !== undefined) words.push(`less than ${schema.exclusiveMaximum}`);
  if (schema.multipleOf !== undefined) words.push(`a multiple of ${schema.multipleOf}`);
  return words;
}
