// All tasks, live, the newest first.
import { html } from "../html.js";
import { plural } from "../format.js";
import { useKeys } from "../keys.js";
import { href, navigate, replace } from "../router.js";
import { FilterBar, SIZES, addressOf, isFiltered, readFilters } from "../tasks/filters.js";
import { useTasks } from "../tasks/list.js";
import { TaskTable } from "../tasks/rows.js";
import { Icon } from "../ui/icons.js";
import { Empty, Failure, Loading } from "../ui/states.js";

export const title = () => "Tasks";

export function View({ query }) {
  const filters = readFilters(query);
  const { tasks, next, error, reload } = useTasks(filters);
  const onLabel = (label) =>
    replace(addressOf({ ...filters, after: "", label: [...new Set([...filters.label, label])] }));
  return html` <div class="head"><h1>Tasks</h1></div>
    <${FilterBar} filters=${filters} />
    <p class="unseen" role="status">${tasks && `${plural(tasks.length, "task")} shown`}</p>
    ${error && html`<${Failure} error=${error} retry=${reload} />`}
    ${!tasks && !error && html`<${Loading} />`}
    ${
      tasks &&
      (tasks.length
        ? html`<div class="table-frame"><${TaskTable} tasks=${tasks} onLabel=${onLabel} /></div>`
        : html`<${Nothing} filters=${filters} />`)
    }
    ${tasks && html`<${Pages} filters=${filters} next=${next} />`}`;
}

function Nothing({ filters }) {
  if (filters.after) return html`<${Empty} icon="tasks" title="No older tasks" />`;
  if (isFiltered(filters)) {
    return html`<${Empty} icon="filter" title="No task is like that">
      <a href=${href("tasks")}>Show all tasks</a>
    <//>`;
  }
  return html`<${Empty} icon="tasks" title="No tasks yet"
    >Choose a <a href=${href("workers")}>worker</a>, and run it.<//
  >`;
}

/** The newest, one page before by the browser's way back, one further. */
function Pages({ filters, next }) {
  const older = next && addressOf({ ...filters, after: next });
  const newest = filters.after && addressOf({ ...filters, after: "" });
  const keys = {};
  if (older) keys["]"] = () => navigate(older);
  if (newest) keys["["] = () => navigate(newest);
  useKeys(keys, [{ keys: "]", does: "Older tasks; [: the newest" }]);
  const onSize = (event) => {
    replace(addressOf({ ...filters, limit: Number(event.currentTarget.value) }));
  };
  return html`<nav class="pages" aria-label="Pages">
    ${newest && html`<a class="button" href=${newest}><${Icon} name="left" />Newest</a>`}
    ${older && html`<a class="button" href=${older}>Older<${Icon} name="right" /></a>`}
    <label class="pages-size"
      >Tasks on a page
      <select value=${filters.limit} onChange=${onSize}>
        ${SIZES.map((size) => html`<option key=${size} value=${size}>${size}</option>`)}
      </select>
    </label>
  </nav>`;
}
