import { get, post, url } from "../api.js";
import { useData } from "../data.js";
import { count } from "../format.js";
import { html, useState } from "../html.js";
import { href } from "../router.js";
import { Empty, Failure, Loading } from "../ui/states.js";
import { Table } from "../ui/table.js";
import { toast, toastError } from "../ui/toast.js";

/** Which workers take new tasks. */
export function Switches() {
  const { data, error, reload, change } = useData((signal) => get(url("workers"), { signal }), []);
  if (error) return html`<${Failure} error=${error} retry=${reload} />`;
  if (!data) return html`<${Loading} />`;
  if (!data.length)
    return html`<${Empty} icon="workers" title="There are no workers"
      >Each is a file in the server's folder workers.d.<//
    >`;
  const onChanged = (worker) =>
    change((workers) => workers.map((each) => (each.name === worker.name ? worker : each)));
  const columns = [
    {
      title: "Takes tasks",
      cell: (worker) => html`<${Switch} worker=${worker} onChanged=${onChanged} />`,
    },
    {
      title: "Worker",
      cell: ({ name }) =>
        html`<a class="one-line" href=${href("workers", name)}><b>${name}</b></a>`,
    },
    {
      title: "Description",
      class: "wide-only",
      cell: ({ description }) => html`<bdi class="muted">${description}</bdi>`,
    },
    {
      title: "Running",
      class: "number",
      cell: ({ running, max_tasks: most }) =>
        most ? `${count(running)} of ${count(most)}` : count(running),
    },
    { title: "Queued", class: "number", cell: ({ queued }) => count(queued) },
  ];
  return html`<p class="muted small before">
      A worker that takes none finishes what it has. It stays so until somebody changes it here, or
      its file does.
    </p>
    <${Table} label="Workers" columns=${columns} rows=${data} keyOf=${({ name }) => name} />`;
}

function Switch({ worker, onChanged }) {
  const [busy, setBusy] = useState(false);
  const isOn = worker.status === "Enabled";
  const turn = async () => {
    setBusy(true);
    try {
      onChanged(await post(url("workers", worker.name, isOn ? "disable" : "enable")));
      toast(isOn ? `${worker.name} takes no new tasks.` : `${worker.name} takes tasks.`);
    } catch (error) {
      toastError(error);
    }
    setBusy(false);
  };
  return html`<button
    type="button"
    role="switch"
    class="switch"
    aria-checked=${isOn}
    aria-label=${`${worker.name} takes tasks`}
    aria-disabled=${busy}
    onClick=${() => busy || turn()}
  >
    <span></span>
  </button>`;
}
