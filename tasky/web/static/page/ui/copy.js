import { html, useEffect, useState } from "../html.js";
import { Icon } from "./icons.js";
import { toast } from "./toast.js";

/** Also on a page without TLS, where browsers do not have the newer way. */
export async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("the browser does not allow it");
  return undefined;
}

/** @param {{text: string | (() => string), label?: string, children?: unknown}} props */
export function CopyButton({ text, label = "Copy", children }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return undefined;
    const timer = setTimeout(() => setDone(false), 1500);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = () =>
    copyText(typeof text === "function" ? text() : text).then(
      () => setDone(true),
      (error) => toast(`It could not be copied: ${error.message}.`, { kind: "error" }),
    );
  return html`<button
    type="button"
    class=${`quiet ${children ? "" : "icon-only"}`}
    title=${label}
    aria-label=${children ? undefined : label}
    onClick=${copy}
  >
    <${Icon} name=${done ? "check" : "copy"} />${done && children ? "Copied" : children}
  </button>`;
}
