import { get, remove, url } from "../api.js";
import { useData } from "../data.js";
import { html, useState } from "../html.js";
import { session } from "../session.js";
import { useStore } from "../store.js";
import { confirm } from "../ui/dialog.js";
import { Icon } from "../ui/icons.js";
import { Empty, Failure, Loading } from "../ui/states.js";
import { Table } from "../ui/table.js";
import { Time } from "../ui/time.js";
import { toast, toastError } from "../ui/toast.js";
import { NewToken } from "./newtoken.js";

export function Tokens() {
  const { data, error, reload } = useData((signal) => get(url("tokens"), { signal }), []);
  const [making, setMaking] = useState(false);
  const me = useStore(session)?.name;
  if (error?.status === 409) {
    return html`<${Empty} icon="admin" title="This server asks nobody for a token">
      Whoever can connect may do everything. <code>auth: true</code> in its settings changes that.
    <//>`;
  }
  if (error) return html`<${Failure} error=${error} retry=${reload} />`;
  if (!data) return html`<${Loading} />`;
  const revoke = async ({ name }) => {
    const text =
      name === me
        ? "It is your own: you are signed out, and cannot sign in with it again."
        : "Whoever uses it, and whoever has signed in with it, is not known any more.";
    if (!(await confirm({ title: `Revoke the token ${name}?`, text, action: "Revoke" }))) return;
    remove(url("tokens", name)).then(() => {
      toast(`${name} is revoked.`);
      reload();
    }, toastError);
  };
  const columns = [
    {
      title: "Name",
      cell: ({ name }) =>
        html`<b>${name}</b>${name === me && html` <span class="tag">yours</span>`}`,
    },
    {
      title: "Scopes",
      cell: ({ scopes }) =>
        scopes.map((scope) => html`<code key=${scope} class="tag">${scope}</code> `),
    },
    { title: "Made", cell: ({ created }) => html`<${Time} value=${created} />` },
    {
      title: "Last used",
      cell: ({ last_used: used }) =>
        used ? html`<${Time} value=${used} relative />` : html`<span class="muted">never</span>`,
    },
    {
      title: "Expires",
      cell: ({ expires }) =>
        expires
          ? html`<${Time} value=${expires} relative />`
          : html`<span class="muted">never</span>`,
    },
    {
      title: "",
      class: "number",
      cell: (token) =>
        html`<button
          type="button"
          class="danger-quiet"
          aria-label=${`Revoke ${token.name}`}
          onClick=${() => revoke(token)}
        >
          Revoke
        </button>`,
    },
  ];
  return html` <div class="before line">
      <p class="muted small">
        A token is what a program, or somebody who signs in here, is known by.
      </p>
      <button type="button" class="primary" onClick=${() => setMaking(true)}>
        <${Icon} name="plus" />New token
      </button>
    </div>
    ${
      data.length
        ? html`<${Table}
            label="Tokens"
            columns=${columns}
            rows=${data}
            keyOf=${({ name }) => name}
          />`
        : html`<${Empty} icon="admin" title="No tokens" />`
    }
    ${making && html`<${NewToken} onMade=${reload} onClose=${() => setMaking(false)} />`}`;
}
