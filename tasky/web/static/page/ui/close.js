import { html } from "../html.js";
import { Icon } from "./icons.js";

/** @param {{label?: string, disabled?: boolean, onClick: () => void}} props */
export function CloseButton({ label = "Close", disabled = false, onClick }) {
  return html`<button
    type="button"
    class="quiet icon-only"
    aria-label=${label}
    disabled=${disabled}
    onClick=${onClick}
  >
    <${Icon} name="cross" />
  </button>`;
}
