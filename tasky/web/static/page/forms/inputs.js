// The fields of a form: each with its label, its help, and what is wrong with it.
import { html, useId } from "../html.js";
import { size } from "../format.js";
import { Icon } from "../ui/icons.js";
import { rulesOf } from "./fields.js";
import { ListInput } from "./listinput.js";
import { held, same } from "./values.js";

const FEW = 4;
const FEW_LETTERS = 36;
/** Of a default. */
const LONG = 60;

/**
 * @param {{field: import("./fields.js").Field, content: import("./values.js").Held, error?: string, note?: string,
 *   onChange: (content: import("./values.js").Held) => void}} props
 */
export function FieldInput({ field, content, error = "", note = "", onChange }) {
  const id = useId();
  const { name, schema, required, kind } = field;
  const Input = inputOf(field);
  const rules = rulesOf(field);
  const about = [schema.description, rules, fallbackOf(field, content), note].filter(Boolean).join(" · ");
  const isGroup = Input.isGroup === true;
  const label = html`<span class="param">${schema.title ?? name}</span>
    ${required && html`<span class="required">required</span>`}
    ${kind === "secret" && html`<span class="required">secret</span>`}`;
  const aria = {
    "aria-invalid": Boolean(error),
    "aria-required": required,
    "aria-describedby": `${id}-help ${id}-error`,
  };
  return html`<div class=${`field kind-${kind} ${error ? "wrong" : ""}`} data-field=${name} role=${isGroup ? "group" : undefined}
      aria-labelledby=${isGroup ? `${id}-label` : undefined}>
    ${isGroup ? html`<div class="label" id=${`${id}-label`}>${label}</div>` : html`<label id=${`${id}-label`} for=${id}>${label}</label>`}
    <p id=${`${id}-help`} class="help">${about}</p>
    <${Input} id=${id} field=${field} content=${content} aria=${aria} onChange=${onChange} />
    <p id=${`${id}-error`} class="field-error" role=${error ? "alert" : undefined}>${error}</p>
  </div>`;
}

function inputOf({ kind, schema, required, nullable }) {
  if (kind === "choice") {
    const words = schema.enum.map(inWords);
    const short = words.length <= FEW && words.join("").length <= FEW_LETTERS;
    return short && !nullable ? Segments : Choice;
  }
  if (kind === "boolean") return required || nullable ? YesOrNo : Switch;
  return INPUTS[kind];
}

/** Its default, once the field says something else. */
function fallbackOf(field, content) {
  const { fallback, kind, plain } = field;
  if (fallback === undefined || plain || kind === "boolean" || kind === "choice") return "";
  const text = inWords(fallback);
  if (["null", "", "[]", "{}"].includes(text)) return "may be left empty";
  if (same(content, held(field))) return "";
  return `default: ${text.length > LONG ? `${text.slice(0, LONG)}…` : text}`;
}

export function inWords(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

const TYPES = { secret: "password", date: "date", datetime: "datetime-local" };
const MODES = { email: "email", uri: "url" };

function Text({ id, field, content, aria, onChange }) {
  const { kind, schema, name } = field;
  const mode = kind === "number" ? (schema.type === "integer" ? "numeric" : "decimal") : MODES[schema.format];
  const example = schema.examples?.[0];
  return html`<input id=${id} name=${name} class=${kind === "text" || kind === "secret" ? "" : "short"} type=${TYPES[kind] ?? "text"}
    value=${content} inputmode=${mode} step=${kind === "datetime" ? 1 : undefined} spellcheck="false" autocomplete=${kind === "secret" ? "new-password" : "off"}
    autocapitalize="off" placeholder=${example === undefined ? "" : inWords(example)} ...${aria}
    onInput=${(event) => onChange(event.target.value)} />`;
}

function Lines({ id, field, content, aria, onChange }) {
  const json = field.kind === "json";
  return html`<textarea id=${id} name=${field.name} class=${json ? "mono" : ""} rows=${json ? 2 : 3} spellcheck=${!json} autocapitalize="off"
    ...${aria} onInput=${(event) => onChange(event.target.value)} value=${content}></textarea>`;
}

function Choice({ id, field, content, aria, onChange }) {
  const { schema, required, fallback } = field;
  const empty = required || fallback === undefined || content === "";
  return html`<select id=${id} name=${field.name} class="short" value=${content} ...${aria} onChange=${(event) => onChange(event.target.value)}>
    ${empty && html`<option value="" disabled=${required}>${required ? "Choose…" : "—"}</option>`}
    ${schema.enum.map((each, at) => html`<option key=${at} value=${String(at)}>${each === null ? "none" : inWords(each)}</option>`)}
  </select>`;
}

/** A few choices side by side: radio buttons that look like one control. */
function Segments({ id, field, content, aria, onChange }) {
  return html`<div class="radio-row" ...${pick(aria)}>
    ${field.schema.enum.map((each, at) => html`<label key=${at}>
      <input type="radio" name=${id} id=${at === 0 ? id : undefined} value=${String(at)} checked=${content === String(at)}
        onChange=${() => onChange(String(at))} /><span>${each === null ? "none" : inWords(each)}</span>
    </label>`)}
  </div>`;
}
Segments.isGroup = true;

function Choices({ id, field, content, onChange }) {
  const toggle = (at, is) => onChange(is ? [...content, at].sort((a, b) => a - b) : content.filter((each) => each !== at));
  return html`<div class="choices">
    ${field.schema.items.enum.map((each, number) => {
      const at = String(number);
      return html`<label key=${at}><input type="checkbox" name=${id} checked=${content.includes(at)}
        onChange=${(event) => toggle(at, event.target.checked)} />${inWords(each)}</label>`;
    })}
  </div>`;
}
Choices.isGroup = true;

function YesOrNo({ id, field, content, aria, onChange }) {
  return html`<select id=${id} name=${field.name} class="short" value=${String(content)} ...${aria} onChange=${(event) => onChange(event.target.value)}>
    <option value="">${field.required && !field.nullable ? "Choose…" : "—"}</option>
    <option value="true">yes</option>
    <option value="false">no</option>
  </select>`;
}

function Switch({ id, field, content, aria, onChange }) {
  return html`<input id=${id} name=${field.name} type="checkbox" role="switch" checked=${content === true} aria-describedby=${aria["aria-describedby"]}
    aria-invalid=${aria["aria-invalid"]} onChange=${(event) => onChange(event.target.checked)} />`;
}

/** Chosen, or dropped onto it. */
function Files({ id, field, content, aria, onChange }) {
  const several = field.kind === "files";
  const add = (list) => onChange(several ? [...content, ...list] : [...list].slice(0, 1));
  const drop = (event) => {
    event.preventDefault();
    add(event.dataTransfer.files);
  };
  const choose = (event) => {
    add([...event.target.files]);
    event.target.value = "";
  };
  return html`<div class="file-drop" onDragOver=${(event) => event.preventDefault()} onDrop=${drop}>
    ${content.map((file, at) => html`<div key=${at} class="file-chosen">
      <span class="file-name"><bdi>${file.name}</bdi></span><span class="muted number">${size(file.size)}</span>
      <button type="button" class="quiet icon-only" aria-label=${`Leave out ${file.name}`} onClick=${() => onChange(content.filter((each) => each !== file))}>
        <${Icon} name="cross" />
      </button>
    </div>`)}
    ${(several || content.length === 0) && html`<label class="button file-button">
      <${Icon} name="upload" />${several ? "Add files" : "Choose a file"}
      <input id=${id} name=${field.name} type="file" class="unseen" multiple=${several} accept=${field.schema.contentMediaType} ...${aria} onChange=${choose} />
    </label><span class="muted small drop-hint">or drop ${several ? "them" : "it"} here</span>`}
  </div>`;
}
Files.isGroup = true;

/** A group has no value of its own, so it cannot be required or invalid, but it can be described. */
function pick({ "aria-describedby": describedBy }) {
  return { "aria-describedby": describedBy };
}

const INPUTS = {
  text: Text, secret: Text, number: Text, date: Text, datetime: Text, lines: Lines, json: Lines, choices: Choices,
  file: Files, files: Files, list: ListInput,
};
