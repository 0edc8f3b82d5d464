import { get, url } from "../api.js";
import { useData } from "../data.js";
import { plural } from "../format.js";
import { html } from "../html.js";
import { Icon } from "../ui/icons.js";
import { Json } from "../ui/json.js";
import { Empty, Failure, Loading } from "../ui/states.js";

/** The workers' files as the server has read them, and what is wrong with them. */
export function Definitions() {
  const { data, error, loading, reload } = useData(
    (signal) => get(url("definitions"), { signal }),
    [],
  );
  if (error) return html`<${Failure} error=${error} retry=${reload} />`;
  if (!data) return html`<${Loading} />`;
  const { definitions, problems } = data;
  return html` <div class="before line">
      <p class="muted small">
        Files are read again when they change. One with a mistake keeps the definition that it had
        before.
      </p>
      <button type="button" onClick=${reload} aria-disabled=${loading}>
        <${Icon} name="restart" />Look again
      </button>
    </div>
    <${Mistakes} problems=${problems} />
    ${
      definitions.length
        ? definitions.map((each) => html`<${Definition} key=${each.name} ...${each} />`)
        : html`<${Empty} icon="workers" title="There are no definitions" />`
    }`;
}

function Mistakes({ problems }) {
  if (!problems.length)
    return html`<p class="verdict tone-ok"><${Icon} name="check" />No mistakes.</p>`;
  return html`<section class="card mistakes" aria-labelledby="mistakes">
    <h2 id="mistakes"><${Icon} name="warning" />${plural(problems.length, "mistake")}</h2>
    <ul>
      ${problems.map(
        ({ file, line, key, message }) =>
          html`<li key=${`${file} ${line} ${key} ${message}`}>
            <b class="mono">${file}${line > 0 && `:${line}`}</b>${key && html` <code>${key}</code>`}
            <bdi>${message}</bdi>
          </li>`,
      )}
    </ul>
  </section>`;
}

function Definition({ name, file, definition }) {
  const { description, enabled, protocol } = definition;
  return html`<details class="card definition">
    <summary>
      <b>${name}</b> <span class="mono muted">${file}</span>
      ${!enabled && html`<span class="tag">disabled in the file</span>`}
      <span class="tag">${protocol}</span>
      <span class="muted small"
        >${plural(Object.keys(definition.params ?? {}).length, "parameter")}</span
      >
      ${description && html`<bdi class="muted small description">${description}</bdi>`}
    </summary>
    <${Json} value=${definition} label=${`The definition of ${name}`} />
  </details>`;
}
