// The state of a form: what its fields hold, which of them have been touched, and what is wrong.
import { useMemo, useState } from "../html.js";
import { check } from "./check.js";
import { held, readAll } from "./values.js";

/**
 * @param {import("./fields.js").Field[]} fields
 * @param {Record<string, any>} given values to begin with, in place of the defaults
 */
export function useForm(fields, given) {
  const start = () =>
    Object.fromEntries(fields.map((field) => [field.name, held(field, beginning(field, given))]));
  const [contents, setContents] = useState(start);
  const [touched, setTouched] = useState({});
  const [refused, setRefused] = useState({});
  const result = useMemo(() => readAll(fields, contents, check), [fields, contents]);
  return {
    contents,
    result,
    /** What is wrong with a field, once there is a reason to say it. */
    errorOf: (name) => refused[name] ?? (touched[name] ? result.errors[name] : undefined),
    change(name, content) {
      setContents((before) => ({ ...before, [name]: content }));
      setRefused(({ [name]: _, ...others }) => others);
      // An empty field is wrong only when the form is sent, or when something was in it.
      if (content !== "" && content.length !== 0)
        setTouched((before) => ({ ...before, [name]: true }));
    },
    touchAll: () => setTouched(Object.fromEntries(fields.map(({ name }) => [name, true]))),
    /** @param {Record<string, string>} errors that the server found, until their fields are changed */
    refuse: setRefused,
    reset() {
      setContents(start());
      setTouched({});
      setRefused({});
    },
  };
}

/** Secrets and files of an earlier task are not known. */
function beginning(field, given) {
  const isUnknown = field.secret || field.kind === "file" || field.kind === "files";
  return isUnknown ? undefined : given[field.name];
}

/**
 * The server's errors by field, and those that belong to none.
 * @param {{detail: string, pointer?: string, parameter?: string}[]} errors
 * @param {Set<string>} names of the fields
 */
export function sorted(errors, names) {
  const fields = {};
  const others = [];
  for (const { detail, pointer = "", parameter } of errors) {
    const name = parameter ?? pointer.split("/")[1]?.replaceAll("~1", "/").replaceAll("~0", "~");
    const words = detail.replace(new RegExp(`^${name?.replace(/[^\w]/g, "\\$&")}: `), "");
    if (names.has(name)) fields[name] = fields[name] ? `${fields[name]}; ${words}` : words;
    else others.push(detail);
  }
  return { fields, others };
}
