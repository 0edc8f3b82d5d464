import { html, useLayoutEffect, useRef } from "../html.js";
import { CloseButton } from "../ui/close.js";
import { Icon } from "../ui/icons.js";

/**
 * A list, item by item. Enter makes a new one below, Backspace in an empty one takes it away; what is pasted with
 * several lines becomes several items.
 */
export function ListInput({ id, field, content, aria, onChange }) {
  const rows = content.length ? content : [""];
  const list = useRef(null);
  const focusOn = useRef(-1);
  useLayoutEffect(() => {
    if (focusOn.current < 0) return;
    list.current.querySelectorAll("input")[focusOn.current]?.focus();
    focusOn.current = -1;
  });
  const change = (next, focus = -1) => {
    focusOn.current = focus;
    onChange(next);
  };
  const set = (at, text) => change(rows.with(at, text));
  const add = (at) => change(rows.toSpliced(at, 0, ""), at);
  const drop = (at) => change(rows.toSpliced(at, 1), Math.max(0, at - 1));
  const key = (event, at) => {
    if (event.isComposing || event.ctrlKey || event.metaKey) return;
    if (event.key === "Enter") {
      event.preventDefault();
      add(at + 1);
    } else if (event.key === "Backspace" && rows[at] === "" && rows.length > 1) {
      event.preventDefault();
      drop(at);
    }
  };
  const paste = (event, at) => {
    const lines = event.clipboardData.getData("text").split(/\r?\n/).filter(Boolean);
    if (lines.length < 2) return;
    event.preventDefault();
    change(rows.toSpliced(at, rows[at] === "" ? 1 : 0, ...lines), at + lines.length - 1);
  };
  const row = (text, at) =>
    html`<div class="list-row" key=${at}>
      <input
        id=${at === 0 ? id : undefined}
        value=${text}
        aria-label=${`${field.name}, item ${at + 1}`}
        spellcheck=${false}
        autocapitalize="off"
        inputmode=${field.schema.items.type === "string" ? undefined : "decimal"}
        aria-invalid=${aria["aria-invalid"]}
        aria-describedby=${aria["aria-describedby"]}
        onInput=${(event) => set(at, event.target.value)}
        onKeyDown=${(event) => key(event, at)}
        onPaste=${(event) => paste(event, at)}
      />
      <${CloseButton}
        label=${`Remove item ${at + 1}`}
        disabled=${rows.length === 1 && text === ""}
        onClick=${() => drop(at)}
      />
    </div>`;
  return html`<div class="list" ref=${list}>
    ${rows.map(row)}
    <button type="button" class="quiet add" onClick=${() => add(rows.length)}>
      <${Icon} name="plus" />Add another
    </button>
  </div>`;
}
