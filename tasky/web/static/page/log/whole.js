// A line of which the log shows the beginning only.
import { html, useEffect, useState } from "../html.js";
import { count, plural } from "../format.js";
import { CopyButton } from "../ui/copy.js";
import { Dialog } from "../ui/dialog.js";
import { Failure } from "../ui/states.js";
import { readLog } from "./lines.js";

const LONGEST = 200_000;

export function Whole({ id, line, onClose }) {
  const [text, setText] = useState(null);
  const [error, setError] = useState(null);
  useEffect(() => {
    const reading = new AbortController();
    readLog(id, { after: line.N - 1, limit: 1, cut: LONGEST }, reading.signal).then(
      ({ lines: [found] }) => setText(found?.Text ?? ""),
      (failed) => failed.name !== "AbortError" && setError(failed),
    );
    return () => reading.abort();
  }, []);
  const words =
    line.Length > LONGEST
      ? `The first ${count(LONGEST)} of ${count(line.Length)} characters.`
      : plural(line.Length, "character");
  return html`<${Dialog} title=${`Line ${count(line.N)}`} wide onClose=${onClose}>
    ${error && html`<${Failure} error=${error} />`}
    ${!error && html`<pre class="whole-line" tabindex="0">${text ?? "…"}</pre>`}
    <footer>
      <span class="muted">${words}</span>
      ${text !== null && html`<${CopyButton} text=${text}>Copy<//>`}
    </footer>
  <//>`;
}
