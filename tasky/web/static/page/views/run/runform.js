// The form that a worker is run with.
import { html, useRef, useState } from "../../html.js";
import { Problem, post, url } from "../../api.js";
import { curlOf } from "../../forms/curl.js";
import { sorted, useForm } from "../../forms/form.js";
import { FieldInput } from "../../forms/inputs.js";
import { OPTIONS } from "../../forms/options.js";
import { href, navigate } from "../../router.js";
import { may, session } from "../../session.js";
import { CopyButton } from "../../ui/copy.js";
import { Icon } from "../../ui/icons.js";

/** @param {{worker: any, fields: import("../../forms/fields.js").Field[], earlier: any}} props */
export function RunForm({ worker, fields, earlier }) {
  const form = useForm(fields, earlier?.Params ?? {});
  const options = useForm(OPTIONS, earlier ? optionsOf(earlier) : {});
  const [busy, setBusy] = useState(false);
  const [troubles, setTroubles] = useState([]);
  const element = useRef(null);
  const key = useRef("");
  const allowed = may("run", worker.name);
  const enabled = worker.status === "Enabled";

  const submission = () => {
    const { params, files } = form.result;
    return { address: url("workers", worker.name, options.result.params), params, files };
  };
  const refuse = (error) => {
    const names = new Set([...fields, ...OPTIONS].map(({ name }) => name));
    const { fields: wrong, others } = error instanceof Problem && error.errors.length ? sorted(error.errors, names) : { fields: {}, others: [error.message] };
    form.refuse(wrong);
    options.refuse(wrong);
    setTroubles(others);
    toFirstError(element.current);
  };
  const submit = async (event) => {
    event.preventDefault();
    form.touchAll();
    options.touchAll();
    setTroubles([]);
    if (Object.keys({ ...form.result.errors, ...options.result.errors }).length) {
      toFirstError(element.current);
      return;
    }
    setBusy(true);
    try {
      const { TaskId } = await send(submission(), key);
      navigate(href("tasks", TaskId));
    } catch (error) {
      refuse(error);
      setBusy(false);
    }
  };
  const inputs = ({ contents, errorOf, change }, list) => list.map((field) => html`<${FieldInput} key=${field.name} field=${field}
    content=${contents[field.name]} error=${errorOf(field.name)} note=${noteOf(field, earlier)} onChange=${(content) => change(field.name, content)} />`);
  const inAHurry = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) element.current.requestSubmit();
  };
  const reset = () => {
    form.reset();
    options.reset();
    setTroubles([]);
  };

  return html`<form class="card run-form" ref=${element} onSubmit=${submit} onKeyDown=${inAHurry} novalidate aria-label=${`Run ${worker.name}`}>
    ${earlier && html`<p class="callout"><${Icon} name="restart" /><span>Filled in with the parameters of an
      ${" "}<a href=${href("tasks", earlier.TaskId)}>earlier task</a>.</span></p>`}
    ${!enabled && html`<p class="callout warn"><${Icon} name="pause" /><span>This worker is disabled: it takes no new tasks.</span></p>`}
    ${!allowed && html`<p class="callout warn"><${Icon} name="admin" /><span>You may look at this worker, but not run it.</span></p>`}
    ${fields.length === 0 && html`<p class="muted">It takes no parameters.</p>`}
    <div class="fields">${inputs(form, fields)}</div>
    <details class="more-options" open=${Boolean(earlier) && Object.keys(options.result.params).length > 0}>
      <summary><${Icon} name="right" />Labels, priority, timeout, start time</summary>
      <div class="fields">${inputs(options, OPTIONS)}</div>
    </details>
    <div role="alert">${troubles.map((text) => html`<p class="callout bad"><${Icon} name="warning" /><span>${text}</span></p>`)}</div>
    <div class="run-buttons">
      <button class="primary run-button" disabled=${busy || !allowed || !enabled}><${Icon} name=${busy ? "spinner" : "play"} />Run</button>
      <${CopyButton} label="Copy a line for a shell that does the same; secrets are left out" text=${() => curlOf({
        ...submission(), secrets: fields.filter(({ secret }) => secret).map(({ name }) => name), auth: session.get()?.with !== null,
      })}>Copy as curl<//>
      <button type="button" class="quiet" onClick=${reset}>Reset</button>
      <span class="muted small hurry"><kbd>Ctrl</kbd> <kbd>Enter</kbd></span>
    </div>
  </form>`;
}

/**
 * The same submission that is sent again, because its answer got lost, starts nothing twice.
 * @param {{address: string, params: Record<string, any>, files: [string, File][]}} submission
 * @param {{current: string}} key what was sent last, and by which key
 */
async function send({ address, params, files }, key) {
  const content = JSON.stringify([address, params, files.map(([name, { name: file, size, lastModified }]) => [name, file, size, lastModified])]);
  if (!key.current.endsWith(content)) key.current = `${newKey()} ${content}`;
  const headers = { "Idempotency-Key": key.current.split(" ", 1)[0] };
  if (!files.length) return post(address, { json: params, headers });
  const form = new FormData();
  form.append("params", JSON.stringify(params));
  for (const [name, file] of files) form.append(name, file, file.name);
  return post(address, { form, headers });
}

function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join("");
}

function optionsOf({ Labels = {}, Priority, Timeout }) {
  return { label: Object.entries(Labels).map((each) => each.join(":")), priority: Priority, timeout: Timeout };
}

function noteOf({ kind, secret, name }, earlier) {
  const before = earlier?.Params?.[name];
  if (!before || before.length === 0) return "";
  if (secret) return "not known from the earlier task: to be given again";
  return kind === "file" || kind === "files" ? "to be chosen again" : "";
}

/** Once what is wrong is in the page. */
function toFirstError(form) {
  setTimeout(() => {
    const field = form.querySelector(".field.wrong");
    const details = field?.closest("details");
    if (details) details.open = true;
    (field?.querySelector("input, select, textarea") ?? form.querySelector(".callout.bad"))?.focus?.();
    (field ?? form.querySelector(".callout.bad"))?.scrollIntoView({ block: "nearest" });
  });
}
