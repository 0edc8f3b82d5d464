import { html } from "../html.js";
import { Empty } from "../ui/states.js";

export const title = () => "Run";

export function View() {
  return html`<${Empty} title="Run" />`;
}
