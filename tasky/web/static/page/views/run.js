// One worker: a form to run it with, what is known about it, and its latest tasks. With ?from=TASK the form begins with
// that task's parameters.
import { html, useMemo } from "../html.js";
import { get, post, url } from "../api.js";
import { useData } from "../data.js";
import { fieldsOf } from "../forms/fields.js";
import { href } from "../router.js";
import { may, session } from "../session.js";
import { useStore } from "../store.js";
import { Callout } from "../ui/callout.js";
import { Failure, Loading } from "../ui/states.js";
import { toast, toastError } from "../ui/toast.js";
import { Facts } from "./run/facts.js";
import { Latest } from "./run/latest.js";
import { RunForm } from "./run/runform.js";

export const title = ({ path }) => path[0];

export function View({ path: [name], query }) {
  const from = query.get("from");
  const worker = useData((signal) => get(url("workers", name), { signal }), [name]);
  const earlier = useData(
    async (signal) => (from ? get(url("tasks", from), { signal }) : null),
    [from],
  );
  useStore(session);
  if (worker.data === undefined)
    return worker.error
      ? html`<${Failure} error=${worker.error} retry=${worker.reload} />`
      : html`<${Loading} />`;
  const ready = earlier.data !== undefined || earlier.error;
  const form = () =>
    html`<${Form} key=${from ?? ""} worker=${worker.data} earlier=${earlier.data ?? null} />`;
  return html`<${Head} worker=${worker.data} onChange=${(data) => worker.change(() => data)} />
    <div class="run">
      <div>
        ${
          earlier.error &&
          html`<${Callout} icon="warning" kind="warn">
            The parameters of that task could not be read: ${earlier.error.message}
          <//>`
        }
        ${ready ? form() : html`<${Loading} />`}
      </div>
      <aside>
        <${Facts} worker=${worker.data} />
        <${Latest} name=${worker.data.name} onChange=${worker.reload} />
      </aside>
    </div>`;
}

function Head({ worker, onChange }) {
  const { name, description, status } = worker;
  const enabled = status === "Enabled";
  const switchIt = () =>
    post(url("workers", name, enabled ? "disable" : "enable")).then((changed) => {
      onChange(changed);
      toast(enabled ? `${name} takes no new tasks.` : `${name} takes tasks again.`);
    }, toastError);
  return html`<div class="head">
    <div>
      <p class="crumbs"><a href=${href("workers")}>Workers</a></p>
      <h1 class="name">${name} ${!enabled && html`<span class="tag">disabled</span>`}</h1>
      ${description && html`<p class="muted lead">${description}</p>`}
    </div>
    ${
      may("admin") &&
      html`<div class="actions">
        <button type="button" onClick=${switchIt}>${enabled ? "Disable" : "Enable"}</button>
      </div>`
    }
  </div>`;
}

function Form({ worker, earlier }) {
  // A worker that is read anew keeps the form, as long as its parameters are the same.
  const told = JSON.stringify(worker.schema);
  const fields = useMemo(() => fieldsOf(JSON.parse(told), earlier?.Params), [told]);
  return html`<${RunForm} key=${told} worker=${worker} fields=${fields} earlier=${earlier} />`;
}
