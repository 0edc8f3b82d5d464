// What is sent to make a task.
import { post } from "../../api.js";

/**
 * @typedef {{address: string, params: Record<string, any>, files: [string, File][]}} Submission
 */

/**
 * Makes a task. The same that is sent again, because its answer got lost, starts nothing twice.
 * @param {Submission} submission
 * @param {{current: string}} latest what was sent last, and by which key
 * @returns {Promise<string>} its id
 */
export async function send({ address, params, files }, latest) {
  const told = [address, params, files.map(fingerprint)];
  const content = JSON.stringify(told);
  if (!latest.current.endsWith(` ${content}`)) latest.current = `${newKey()} ${content}`;
  const headers = { "Idempotency-Key": latest.current.split(" ", 1)[0] };
  const body = files.length ? { form: formOf(params, files) } : { json: params };
  return (await post(address, { ...body, headers })).TaskId;
}

function fingerprint([name, file]) {
  return [name, file.name, file.size, file.lastModified];
}

function formOf(params, files) {
  const form = new FormData();
  form.append("params", JSON.stringify(params));
  for (const [name, file] of files) form.append(name, file, file.name);
  return form;
}

/** Browsers make UUIDs only on pages with TLS. */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((each) => each.toString(16).padStart(2, "0")).join("");
}

/** The options of an earlier task, as those of a submission. */
export function optionsOf({ Labels = {}, Priority, Timeout }) {
  const label = Object.entries(Labels).map((each) => each.join(":"));
  return { label, priority: Priority, timeout: Timeout };
}
