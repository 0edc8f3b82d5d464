// The fields of a form: each with its label, its help, and what is wrong with it.
import { html, useId } from "../html.js";
import { Choice, Lines, Switch, Text, YesOrNo } from "./controls.js";
import { Choices, Segments } from "./choicesinput.js";
import { GroupInput } from "./groupinput.js";
import { FilesInput } from "./filesinput.js";
import { rulesOf } from "./fields.js";
import { ListInput } from "./listinput.js";
import { held, inWords, same } from "./values.js";

/** So many choices, of so many letters together, stand side by side. */
const FEW = 4;
const FEW_LETTERS = 36;
/** Of a default. */
const LONG = 60;

const INPUTS = {
  text: Text,
  secret: Text,
  number: Text,
  date: Text,
  datetime: Text,
  lines: Lines,
  json: Lines,
  choices: Choices,
  file: FilesInput,
  files: FilesInput,
  list: ListInput,
  group: GroupInput,
};
/** One sees what their default is, or it says nothing. */
const SHOWN = new Set(["boolean", "choice", "group"]);
/** They have no single control that a label could name. */
const GROUPS = new Set([Segments, Choices, FilesInput, GroupInput, ListInput]);

/**
 * @param {{field: import("./fields.js").Field, content: import("./values.js").Held, error?: string,
 *   note?: string, onChange: (content: import("./values.js").Held) => void}} props
 */
export function FieldInput({ field, content, error = "", note = "", onChange }) {
  const id = useId();
  const { name, schema, required, kind } = field;
  const Input = inputOf(field);
  const about = [rulesOf(field), fallbackOf(field, content), note];
  // What others wrote may be from right to left: not what follows.
  if (schema.description) about.unshift(html`<bdi>${schema.description}</bdi>`);
  const isGroup = GROUPS.has(Input);
  const aria = {
    "aria-invalid": Boolean(error),
    "aria-required": required,
    "aria-describedby": `${id}-help ${id}-error`,
  };
  return html`<div
    class=${`field kind-${kind} ${error ? "wrong" : ""}`}
    data-field=${name}
    role=${isGroup ? "group" : undefined}
    aria-labelledby=${isGroup ? `${id}-label` : undefined}
  >
    <${Label} id=${id} field=${field} isGroup=${isGroup} />
    <p id=${`${id}-help`} class="help">${about.filter(Boolean).flatMap(separated)}</p>
    <${Input} id=${id} field=${field} content=${content} aria=${aria} onChange=${onChange} />
    <p id=${`${id}-error`} class="field-error" role=${error ? "alert" : undefined}>${error}</p>
  </div>`;
}

function separated(part, at) {
  return at ? [" · ", part] : [part];
}

function Label({ id, field: { name, schema, required, kind }, isGroup }) {
  const words = html`<bdi class="param">${schema.title ?? name}</bdi>
    ${required && html`<span class="required">required</span>`}
    ${kind === "secret" && html`<span class="required">secret</span>`}`;
  return isGroup
    ? html`<div class="label" id=${`${id}-label`}>${words}</div>`
    : html`<label for=${id}>${words}</label>`;
}

function inputOf({ kind, schema, fallback, nullable }) {
  if (kind === "choice") {
    const words = schema.enum.map(inWords);
    const short = words.length <= FEW && words.join("").length <= FEW_LETTERS;
    return short && !nullable ? Segments : Choice;
  }
  if (kind === "boolean") return typeof fallback === "boolean" && !nullable ? Switch : YesOrNo;
  return INPUTS[kind];
}

/** Its default, once the field says something else. */
function fallbackOf(field, content) {
  const { fallback, kind, plain } = field;
  if (fallback === undefined || plain || SHOWN.has(kind)) return "";
  const text = inWords(fallback);
  if (["none", "", "[]", "{}"].includes(text)) return "may be left empty";
  if (same(content, held(field))) return "";
  return `default: ${text.length > LONG ? `${text.slice(0, LONG)}…` : text}`;
}
