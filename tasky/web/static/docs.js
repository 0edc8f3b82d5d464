// Reads the description of the API and shows it. Everything in it is put into the page as text, never as HTML: workers'
// descriptions are other people's words.
"use strict";

const SOURCE = "/tasky/v1/openapi.json";
const METHODS = ["get", "post", "put", "patch", "delete"];
const DEEPEST = 6;

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function resolve(api, node) {
  for (let hops = 0; node && node.$ref && hops < DEEPEST; hops++) {
    const steps = node.$ref.slice(2).split("/").map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
    node = steps.reduce((inside, step) => (inside === undefined ? inside : inside[step]), api);
  }
  return node || {};
}

function nameOf(node) {
  return node.$ref ? node.$ref.split("/").pop() : "";
}

// A schema in a few words: string (date-time), array of Task, Enabled | Disabled.
function kindOf(api, schema) {
  if (schema.$ref) return nameOf(schema);
  if (schema.enum) return schema.enum.map(String).join(" | ");
  if ("const" in schema) return JSON.stringify(schema.const);
  const several = schema.anyOf || schema.oneOf;
  if (several) return several.map((each) => kindOf(api, each)).join(" or ");
  const types = [].concat(schema.type || "any").join(" or ");
  if (schema.type === "array" && schema.items) return `array of ${kindOf(api, schema.items)}`;
  return schema.format ? `${types} (${schema.format})` : types;
}

function limitsOf(schema) {
  const words = [];
  for (const key of ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength",
    "minItems", "maxItems", "multipleOf", "pattern"]) {
    if (key in schema) words.push(`${key}: ${schema[key]}`);
  }
  if ("default" in schema) words.push(`default: ${JSON.stringify(schema.default)}`);
  if (schema.writeOnly) words.push("secret");
  return words.join(", ");
}

function table(heads, rows) {
  const head = element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
}

function row(name, required, kind, about, limits) {
  const left = element("td", {}, element("code", {}, name), required ? element("small", {}, " required") : null);
  const right = element("td", {}, about || "", limits ? element("div", { class: "faint" }, limits) : null);
  return element("tr", {}, left, element("td", {}, kind), right);
}

function members(api, schema, prefix = "", depth = 0) {
  const found = resolve(api, schema);
  if (found.type === "array" && found.items) return members(api, found.items, `${prefix}[]`, depth + 1);
  const rows = [];
  for (const [name, inner] of Object.entries(found.properties || {})) {
    const whole = resolve(api, inner);
    const path = prefix ? `${prefix}.${name}` : name;
    const required = (found.required || []).includes(name);
    rows.push(row(path, required, kindOf(api, inner), whole.description, limitsOf(whole)));
    if (depth < DEEPEST && (whole.properties || (whole.type === "array" && whole.items && resolve(api, whole.items).properties))) {
      rows.push(...members(api, inner, path, depth + 1));
    }
  }
  return rows;
}

function shape(api, schema) {
  const whole = resolve(api, schema);
  if (whole.anyOf && !whole.properties) return element("div", {}, ...whole.anyOf.map((each) => shape(api, each)));
  const rows = members(api, schema);
  const about = element("p", {}, element("code", {}, kindOf(api, schema)), " ", whole.description || "");
  return element("div", {}, about, rows.length ? table(["member", "type", ""], rows) : null);
}

function parameters(api, list) {
  const rows = list.map((each) => {
    const schema = resolve(api, each.schema);
    const items = schema.type === "array" ? resolve(api, schema.items) : schema;
    return row(each.name, each.required, `${kindOf(api, schema)}, in the ${each.in}`, each.description, limitsOf(items));
  });
  return table(["name", "type", ""], rows);
}

function quote(text) {
  return `'${String(text).replaceAll("'", "'\\''")}'`;
}

// A line to try it with, in a shell.
function curl(api, path, method, operation, shared) {
  const place = (whole, name) => {
    const found = shared.find((each) => each.name === name);
    return found && found.example !== undefined ? encodeURIComponent(found.example) : whole;
  };
  const url = location.origin + path.replace(/\{(\w+)\}/g, place);
  const words = ["curl"];
  if (method !== "get") words.push("-X", method.toUpperCase());
  words.push(quote(url));
  if (api.security && !operation.security) words.push("-H", "\"Authorization: Bearer $TASKY_TOKEN\"");
  const content = operation.requestBody ? operation.requestBody.content : {};
  const json = content["application/json"];
  const form = content["multipart/form-data"];
  if (json && json.example !== undefined) {
    words.push("-H", quote("Content-Type: application/json"), "-d", quote(JSON.stringify(json.example)));
  } else if (form) {
    for (const [name, inner] of Object.entries(resolve(api, form.schema).properties || {})) {
      const binary = [inner, inner.items || {}].some((each) => each.format === "binary");
      words.push("-F", quote(binary ? `${name}=@FILE` : `${name}=TEXT`));
    }
  }
  return words.join(" ");
}

function answers(api, responses) {
  const parts = [];
  for (const [status, given] of Object.entries(responses)) {
    const answer = resolve(api, given);
    const kinds = Object.entries(answer.content || {});
    const types = kinds.map(([type]) => type).join(", ");
    const title = element("h3", {}, `${status} `, element("span", { class: "faint" }, `${answer.description} ${types}`));
    parts.push(title, status < "400" && kinds.length ? shape(api, kinds[0][1].schema) : null);
  }
  return parts;
}

function fill(api, body, path, method, operation, shared) {
  const all = [...shared, ...(operation.parameters || [])].map((each) => resolve(api, each));
  if (operation.description) body.append(element("p", { class: "text" }, operation.description));
  const scope = operation["x-tasky-scope"];
  const needs = scope ? `Needs the scope ${scope}, where there are tokens.` : "Open to everybody.";
  body.append(element("p", { class: "faint" }, needs));
  body.append(element("pre", {}, curl(api, path, method, operation, all)));
  if (all.length) body.append(element("h3", {}, "Parameters"), parameters(api, all));
  const content = operation.requestBody ? operation.requestBody.content : {};
  for (const [type, each] of Object.entries(content)) {
    body.append(element("h3", {}, `Body: ${type}`), shape(api, each.schema));
    if (each.example !== undefined) body.append(element("pre", {}, JSON.stringify(each.example, null, 2)));
  }
  body.append(element("h3", {}, "Answers"), ...answers(api, operation.responses).filter(Boolean));
}

function show(api, path, method, operation, shared) {
  const body = element("div", { class: "body" });
  const about = operation.summary || "";
  const head = element("summary", {}, element("span", { class: `method ${method}` }, method.toUpperCase()),
    element("code", {}, path), element("span", { class: "faint" }, about));
  const made = element("details", { id: operation.operationId }, head, body);
  const open = () => {
    if (made.open && !body.childElementCount) fill(api, body, path, method, operation, shared);
  };
  made.addEventListener("toggle", open);
  made.dataset.words = `${method} ${path} ${about} ${operation.description || ""}`.toLowerCase();
  return made;
}

function draw(api) {
  const main = document.getElementById("operations");
  const sections = new Map(api.tags.map((tag) => [tag.name, element("section", {},
    element("h2", {}, tag.name, " ", element("small", {}, tag.description)))]));
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((each) => item[each])) {
      const shown = show(api, path, method, item[method], item.parameters || []);
      sections.get(item[method].tags[0]).append(shown);
    }
  }
  main.replaceChildren(...sections.values());
  document.getElementById("version").textContent = api.info.version;
  const wanted = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (wanted && wanted.tagName === "DETAILS") wanted.open = true;
}

function filter() {
  const words = document.getElementById("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const each of document.querySelectorAll("details")) {
    each.hidden = !words.every((word) => each.dataset.words.includes(word));
  }
  for (const section of document.querySelectorAll("section")) {
    section.hidden = !section.querySelector("details:not([hidden])");
  }
}

function complain(text) {
  const place = document.getElementById("trouble");
  place.textContent = text;
  place.hidden = !text;
}

async function load() {
  const answer = await fetch(SOURCE, { headers: { Accept: "application/json" } });
  document.getElementById("login").hidden = answer.status !== 401;
  if (answer.ok) draw(await answer.json());
  else if (answer.status !== 401) complain((await answer.json()).detail);
}

async function login(event) {
  event.preventDefault();
  const field = document.getElementById("token");
  const answer = await fetch("/tasky/v1/login", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token: field.value }),
  });
  field.value = "";
  complain(answer.ok ? "" : (await answer.json()).detail);
  if (answer.ok) await load();
}

document.getElementById("filter").addEventListener("input", filter);
document.getElementById("login").addEventListener("submit", (event) => login(event).catch((error) => complain(String(error))));
load().catch((error) => complain(`The description could not be read: ${error.message}`));
