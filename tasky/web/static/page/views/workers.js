import { html } from "../html.js";
import { Empty } from "../ui/states.js";

export const title = () => "Workers";

export function View() {
  return html`<${Empty} title="Workers" />`;
}
