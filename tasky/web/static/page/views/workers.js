// All workers: what they are for, what they do now, how their latest tasks went.
import { html, useRef } from "../html.js";
import { get, url } from "../api.js";
import { useData } from "../data.js";
import { plural } from "../format.js";
import { useFresh } from "../fresh.js";
import { useKeys } from "../keys.js";
import { href, replace } from "../router.js";
import { Icon } from "../ui/icons.js";
import { Empty, Failure, Loading } from "../ui/states.js";
import { WorkerCard } from "./workers/card.js";

/** So many outcomes are shown of each. */
const RECENT = 12;

export const title = () => "Workers";

export function View({ query }) {
  const { data, error, reload } = useData(
    (signal) => get(url("workers", { recent: RECENT }), { signal }),
    [],
  );
  useFresh(reload);
  const list = useRef(null);
  const text = query.get("text") ?? "";
  const search = (wanted) => replace(href("workers", { text: wanted }));
  useKeys({ j: () => step(list.current, 1), k: () => step(list.current, -1) }, [
    { keys: "j", does: "Next worker" },
    { keys: "k", does: "Previous worker" },
    { keys: "Enter", does: "Open it" },
  ]);
  if (data === undefined)
    return error ? html`<${Failure} error=${error} retry=${reload} />` : html`<${Loading} />`;

  const found = data.filter((worker) => matches(worker, text));
  const open = (event) => {
    event.preventDefault();
    list.current?.querySelector("a")?.click();
  };
  return html`<div class="head">
      <div>
        <h1>Workers</h1>
        <p class="muted" role="status">
          ${text ? `${found.length} of ${plural(data.length, "worker")}` : summary(data)}
        </p>
      </div>
      ${
        data.length > 0 &&
        html`<form class="actions search workers-search" role="search" onSubmit=${open}>
          <${Icon} name="search" />
          <input
            type="search"
            data-search
            aria-label="Search workers"
            placeholder="Search workers"
            autocomplete="off"
            spellcheck=${false}
            value=${text}
            onInput=${(event) => search(event.target.value)}
            onKeyDown=${(event) => event.key === "Escape" && search("")}
          />
          <kbd>/</kbd>
        </form>`
      }
    </div>
    ${
      found.length > 0 &&
      html`<ul class="workers" ref=${list}>
        ${found.map((worker) => html`<${WorkerCard} key=${worker.name} worker=${worker} />`)}
      </ul>`
    }
    ${
      data.length === 0 &&
      html`<${Empty} icon="workers" title="No workers yet">
        Put a definition into the server's <code>workers.d</code> folder: a file of a few lines
        makes a worker.
      <//>`
    }
    ${
      data.length > 0 &&
      found.length === 0 &&
      html`<${Empty} icon="search" title="Nothing found">
        No worker's name or description has “<bdi>${text}</bdi>”.
        <p><button type="button" class="quiet" onClick=${() => search("")}>Show all</button></p>
      <//>`
    }`;
}

function summary(workers) {
  const running = workers.reduce((sum, each) => sum + each.running, 0);
  const queued = workers.reduce((sum, each) => sum + each.queued, 0);
  const busy = running ? `${plural(running, "task")} running` : "nothing running";
  return `${plural(workers.length, "worker")}, ${busy}${queued ? `, ${queued} waiting` : ""}`;
}

function matches({ name, description }, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const told = `${name} ${description ?? ""}`.toLowerCase();
  return words.every((word) => told.includes(word));
}

/** Moves the focus to the next card, or the one before. */
function step(list, by) {
  const links = [...(list?.querySelectorAll(".worker-link") ?? [])];
  const at = links.findIndex((link) => link.closest("li").contains(document.activeElement));
  links[Math.min(links.length - 1, Math.max(0, at < 0 ? 0 : at + by))]?.focus();
}
