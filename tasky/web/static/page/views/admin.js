// What only admins do: let workers take tasks or not, look at their definitions, make and revoke tokens, and see how the
// server is.
import { Definitions } from "../admin/definitions.js";
import { Server } from "../admin/server.js";
import { Switches } from "../admin/switches.js";
import { Tokens } from "../admin/tokens.js";
import { html } from "../html.js";
import { href, replace } from "../router.js";
import { may } from "../session.js";
import { Empty } from "../ui/states.js";
import { Tabs } from "../ui/tabs.js";

export const title = () => "Admin";

const TABS = [
  { id: "workers", label: "Workers", Shown: Switches },
  { id: "definitions", label: "Definitions", Shown: Definitions },
  { id: "tokens", label: "Tokens", Shown: Tokens },
  { id: "server", label: "Server", Shown: Server },
];

export function View({ query }) {
  const selected = TABS.find(({ id }) => id === query.get("tab")) ?? TABS[0];
  if (!may("admin"))
    return html`<${Empty} icon="admin" title="This is for admins"
      >Your token does not have the scope admin.<//
    >`;
  return html` <div class="head"><h1>Admin</h1></div>
    <${Tabs}
      label="Admin"
      tabs=${TABS}
      selected=${selected.id}
      onSelect=${(id) => replace(href("admin", { tab: id === TABS[0].id ? "" : id }))}
    >
      <${selected.Shown} />
    <//>`;
}
