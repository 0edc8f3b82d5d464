import { html } from "../html.js";
import { Empty } from "../ui/states.js";

export const title = () => "Overview";

export function View() {
  return html`<${Empty} title="Overview" />`;
}
