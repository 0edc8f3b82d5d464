import { html } from "../html.js";
import { inWords } from "./values.js";

/** A few choices side by side: radio buttons that look like one control. */
export function Segments({ id, field, content, aria, onChange }) {
  const choice = (each, number) => {
    const at = String(number);
    return html`<label key=${at}>
      <input
        type="radio"
        name=${id}
        value=${at}
        checked=${content === at}
        aria-describedby=${aria["aria-describedby"]}
        onChange=${() => onChange(at)}
      /><span>${inWords(each)}</span>
    </label>`;
  };
  return html`<div class="radio-row">${field.schema.enum.map(choice)}</div>`;
}

/** Any of several. */
export function Choices({ id, field, content, aria, onChange }) {
  const toggle = (at, is) => {
    const others = content.filter((each) => each !== at);
    onChange(is ? [...others, at].sort((a, b) => a - b) : others);
  };
  const choice = (each, number) => {
    const at = String(number);
    return html`<label key=${at}>
      <input
        type="checkbox"
        name=${id}
        checked=${content.includes(at)}
        aria-describedby=${aria["aria-describedby"]}
        onChange=${(event) => toggle(at, event.target.checked)}
      />${inWords(each)}
    </label>`;
  };
  return html`<div class="choices">${field.schema.items.enum.map(choice)}</div>`;
}
