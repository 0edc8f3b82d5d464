// The form that a worker is run with.
import { html, useRef, useState } from "../../html.js";
import { Problem, url } from "../../api.js";
import { curlOf } from "../../forms/curl.js";
import { sorted, useForm } from "../../forms/form.js";
import { FieldInput } from "../../forms/inputs.js";
import { OPTIONS } from "../../forms/options.js";
import { href, navigate } from "../../router.js";
import { may, session } from "../../session.js";
import { Callout } from "../../ui/callout.js";
import { CopyButton } from "../../ui/copy.js";
import { Icon } from "../../ui/icons.js";
import { optionsOf, send } from "./submission.js";

/** @param {{worker: any, fields: import("../../forms/fields.js").Field[], earlier: any}} props */
export function RunForm({ worker, fields, earlier }) {
  const form = useForm(fields, earlier?.Params ?? {});
  const options = useForm(OPTIONS, earlier ? optionsOf(earlier) : {});
  const [hasOptions] = useState(Object.keys(options.result.params).length > 0);
  const [busy, setBusy] = useState(false);
  const [troubles, setTroubles] = useState([]);
  const element = useRef(null);
  const latest = useRef("");

  const submission = () => {
    const { params, files } = form.result;
    return { address: url("workers", worker.name, options.result.params), params, files };
  };
  const curl = () => {
    const secrets = fields.filter(({ secret }) => secret).map(({ name }) => name);
    return curlOf({ ...submission(), secrets, auth: session.get()?.with !== null });
  };
  const refuse = (error) => {
    const names = new Set([...fields, ...OPTIONS].map(({ name }) => name));
    const errors = error instanceof Problem ? error.errors : [];
    const found = sorted(errors, names);
    form.refuse(found.fields);
    options.refuse(found.fields);
    setTroubles(errors.length ? found.others : [error.message]);
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
      navigate(href("tasks", await send(submission(), latest)));
    } catch (error) {
      refuse(error);
      setBusy(false);
    }
  };
  const inAHurry = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) element.current.requestSubmit();
  };
  const reset = () => {
    form.reset();
    options.reset();
    setTroubles([]);
  };

  return html`<form
    class="card run-form"
    ref=${element}
    onSubmit=${submit}
    onKeyDown=${inAHurry}
    novalidate
    aria-label=${`Run ${worker.name}`}
  >
    <${Remarks} worker=${worker} earlier=${earlier} />
    ${fields.length === 0 && html`<p class="muted">It takes no parameters.</p>`}
    <${Fields} form=${form} fields=${fields} earlier=${earlier} />
    <details class="more-options" open=${hasOptions}>
      <summary><${Icon} name="right" />Labels, priority, timeout, start time</summary>
      <${Fields} form=${options} fields=${OPTIONS} />
    </details>
    <div class="troubles" role="alert">
      ${troubles.map((text) => html`<${Callout} icon="warning" kind="bad">${text}<//>`)}
    </div>
    <div class="run-buttons">
      <button class="primary run-button" disabled=${busy || !isUsable(worker)}>
        <${Icon} name=${busy ? "spinner" : "play"} />Run
      </button>
      <${CopyButton} label="Copy it as a line for a shell; secrets are left out" text=${curl}>
        Copy as curl
      <//>
      <button type="button" class="quiet" onClick=${reset}>Reset</button>
      <span class="muted small hurry"><kbd>Ctrl</kbd> <kbd>Enter</kbd></span>
    </div>
  </form>`;
}

function isUsable({ name, status }) {
  return status === "Enabled" && may("run", name);
}

/** Where the values are from, and what keeps the worker from being run. */
function Remarks({ worker, earlier }) {
  const link = earlier && html`<a href=${href("tasks", earlier.TaskId)}>an earlier task</a>`;
  return html`${
    earlier && html`<${Callout} icon="restart">Filled in with the parameters of ${link}.<//>`
  }
  ${
    worker.status !== "Enabled" &&
    html`<${Callout} icon="pause" kind="warn"> This worker is disabled: it takes no new tasks. <//>`
  }
  ${
    !may("run", worker.name) &&
    html`<${Callout} icon="admin" kind="warn"> You may look at this worker, but not run it. <//>`
  }`;
}

function Fields({ form, fields, earlier }) {
  const input = (field) =>
    html`<${FieldInput}
      key=${field.name}
      field=${field}
      content=${form.contents[field.name]}
      error=${form.errorOf(field.name)}
      note=${noteOf(field, earlier)}
      onChange=${(content) => form.change(field.name, content)}
    />`;
  return html`<div class="fields">${fields.map(input)}</div>`;
}

/** What of an earlier task cannot be filled in. */
function noteOf({ kind, secret, name }, earlier) {
  const before = earlier?.Params?.[name];
  if (!before || before.length === 0) return "";
  if (secret) return "not known from the earlier task: to be given again";
  return kind === "file" || kind === "files" ? "to be chosen again" : "";
}

/** Once what is wrong is in the page. */
function toFirstError(form) {
  setTimeout(() => {
    const wrong = form.querySelector(".field.wrong") ?? form.querySelector(".troubles");
    const details = wrong.closest("details");
    if (details) details.open = true;
    wrong.querySelector("input, select, textarea")?.focus();
    wrong.scrollIntoView({ block: "nearest" });
  });
}
