import { html } from "../html.js";
import { Icon } from "./icons.js";

/**
 * A remark that stands out.
 * @param {{icon: string, kind?: "" | "warn" | "bad", children: unknown}} props
 */
export function Callout({ icon, kind = "", children }) {
  return html`<p class=${`callout ${kind}`}><${Icon} name=${icon} /><span>${children}</span></p>`;
}
