import { html } from "../html.js";
import { href } from "../router.js";
import { Empty } from "../ui/states.js";

export const title = () => "Not found";

export function View() {
  return html`<${Empty} icon="slash" title="There is nothing here">
    Perhaps the address was cut off. <a href=${href()}>To the overview</a>
  <//>`;
}
