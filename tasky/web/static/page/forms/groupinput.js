import { html } from "../html.js";
import { check } from "./check.js";
import { FieldInput } from "./inputs.js";
import { readChecked } from "./values.js";

/** An object: a field for each of its members. */
export function GroupInput({ field, content, aria, onChange }) {
  const member = (inner) => {
    const value = content[inner.name];
    const isTouched = aria["aria-invalid"] || (value !== "" && value.length !== 0);
    const error = isTouched ? readChecked(inner, value, check).error : undefined;
    return html`<${FieldInput}
      key=${inner.name}
      field=${inner}
      content=${value}
      error=${error}
      onChange=${(next) => onChange({ ...content, [inner.name]: next })}
    />`;
  };
  return html`<div class="fields group">${field.fields.map(member)}</div>`;
}
