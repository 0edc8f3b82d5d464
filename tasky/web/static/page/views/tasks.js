import { html } from "../html.js";
import { Empty } from "../ui/states.js";

export const title = () => "Tasks";

export function View() {
  return html`<${Empty} title="Tasks" />`;
}
