import { html, useId, useRef } from "../html.js";

/**
 * Tabs with the keys that people know from elsewhere: arrows, Home and End.
 * @param {{label: string, tabs: {id: string, label: string, count?: number}[], selected: string,
 *   onSelect: (id: string) => void, children: unknown}} props children: what the selected one shows
 */
export function Tabs({ label, tabs, selected, onSelect, children }) {
  const name = useId();
  const list = useRef(null);
  const move = (event) => {
    const at = tabs.findIndex(({ id }) => id === selected);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = (to + tabs.length) % tabs.length;
    onSelect(tabs[next].id);
    list.current.children[next].focus();
  };
  const tab = ({ id, label: text, count }) =>
    html`<button
      key=${id}
      type="button"
      role="tab"
      id=${`${name}-${id}`}
      aria-selected=${id === selected}
      aria-controls=${`${name}-panel`}
      tabindex=${id === selected ? 0 : -1}
      onClick=${() => onSelect(id)}
    >
      ${text}${count !== undefined && html` <span class="tab-count">${count}</span>`}
    </button>`;
  return html`<div class="tabs">
    <div role="tablist" aria-label=${label} ref=${list} onKeyDown=${move}>${tabs.map(tab)}</div>
    <div role="tabpanel" id=${`${name}-panel`} aria-labelledby=${`${name}-${selected}`}>
      ${children}
    </div>
  </div>`;
}
