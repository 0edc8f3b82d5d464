// Fields that are one control of the browser.
import { html } from "../html.js";
import { inWords } from "./values.js";

const TYPES = { secret: "password", date: "date", datetime: "datetime-local" };
const MODES = { email: "email", uri: "url" };

export function Text({ id, field, content, aria, onChange }) {
  const { kind, schema, name } = field;
  const example = schema.examples?.[0];
  return html`<input
    id=${id}
    name=${name}
    class=${kind === "text" || kind === "secret" ? "" : "short"}
    type=${TYPES[kind] ?? "text"}
    value=${content}
    inputmode=${modeOf(field)}
    step=${kind === "datetime" ? 1 : undefined}
    spellcheck=${false}
    autocomplete=${kind === "secret" ? "new-password" : "off"}
    autocapitalize="off"
    placeholder=${example === undefined ? "" : inWords(example)}
    ...${aria}
    onInput=${(event) => onChange(event.target.value)}
  />`;
}

/** Which keyboard a phone shows. */
function modeOf({ kind, schema }) {
  if (kind !== "number") return MODES[schema.format];
  // Some have no minus where only digits are expected.
  return schema.type === "integer" && schema.minimum >= 0 ? "numeric" : "decimal";
}

export function Lines({ id, field, content, aria, onChange }) {
  const json = field.kind === "json";
  return html`<textarea
    id=${id}
    name=${field.name}
    class=${json ? "mono" : ""}
    rows=${json ? 2 : 3}
    spellcheck=${!json}
    autocapitalize="off"
    ...${aria}
    onInput=${(event) => onChange(event.target.value)}
    value=${content}
  ></textarea>`;
}

export function Choice({ id, field, content, aria, onChange }) {
  const { schema, required, fallback } = field;
  const options = schema.enum.map((each, at) => [String(at), inWords(each)]);
  if (required) options.unshift(["", "Choose…"]);
  else if (fallback === undefined || content === "") options.unshift(["", "—"]);
  return html`<${Select} ...${{ id, field, content, aria, onChange, options }} />`;
}

export function YesOrNo({ id, field, content, aria, onChange }) {
  const nothing = field.required && !field.nullable ? "Choose…" : "—";
  const options = [
    ["", nothing],
    ["true", "yes"],
    ["false", "no"],
  ];
  return html`<${Select} ...${{ id, field, content: String(content), aria, onChange, options }} />`;
}

function Select({ id, field, content, aria, onChange, options }) {
  return html`<select
    id=${id}
    name=${field.name}
    class="short"
    value=${content}
    ...${aria}
    onChange=${(event) => onChange(event.target.value)}
  >
    ${options.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}
  </select>`;
}

export function Switch({ id, field, content, aria, onChange }) {
  return html`<input
    id=${id}
    name=${field.name}
    type="checkbox"
    role="switch"
    checked=${content === true}
    aria-describedby=${aria["aria-describedby"]}
    aria-invalid=${aria["aria-invalid"]}
    onChange=${(event) => onChange(event.target.checked)}
  />`;
}
