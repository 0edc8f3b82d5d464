// A task's log: live, to be followed, paused and searched, however long it is.
import { html, useCallback, useEffect, useMemo, useRef, useState } from "../html.js";
import { count, plural } from "../format.js";
import { useKeys } from "../keys.js";
import { CopyButton } from "../ui/copy.js";
import { Dialog } from "../ui/dialog.js";
import { Empty, Failure } from "../ui/states.js";
import { Place, VirtualList } from "../ui/virtual.js";
import { Download, Ends, SearchField, Switch } from "./bar.js";
import { mark } from "./highlight.js";
import { Lines, parseRanges, readLog } from "./lines.js";
import { draw, unread } from "./row.js";
import { Search } from "./search.js";

const REMEMBERED = "tasky-log";
/** Of one line, in a dialog. */
const LONGEST = 200_000;

/**
 * @param {{task: object, extent: {Last: number, Lines: string} | null}} props extent: how far the log goes, as the
 *   latest event says
 */
export function Log({ task, isLive, extent }) {
  const [attempt, setAttempt] = useState(undefined);
  return html`<${LogOf} key=${`${task.TaskId} ${attempt ?? ""}`} task=${task} isLive=${isLive} extent=${extent}
    attempt=${attempt} onAttempt=${setAttempt} />`;
}

function LogOf({ task, isLive, extent, attempt, onAttempt }) {
  const id = task.TaskId;
  const [, redraw] = useState(0);
  const changed = useCallback(() => redraw((turn) => turn + 1), []);
  const { lines, place, drawn } = useMemo(() => begin(id, attempt, changed), []);
  const [known, setKnown] = useState(false);
  const [error, setError] = useState(null);
  const [look, setLook] = useLook();
  const [search, setSearch] = useState(null);
  const [whole, setWhole] = useState(null);
  const box = useRef(null);

  const grow = useCallback((ranges) => {
    const number = lines.numberOf(place.top);
    if (lines.setRanges(ranges)) {
      drawn.clear();
      place.replaced(lines.count, lines.rowOf(number));
      if (place.following) place.toEnd();
    } else {
      place.setCount(lines.count);
    }
    setKnown(true);
    changed();
  }, []);

  const read = useCallback(() => {
    setError(null);
    return readLog(id, { attempt, tail: 0 }).then(({ ranges }) => grow(ranges), setError);
  }, []);
  useEffect(() => {
    read().then(() => {
      if (isLive) place.follow(true);
      else if (task.Status === "Failed") place.toEnd();
      else place.toStart();
    });
    return () => lines.close();
  }, []);
  useEffect(() => {
    if (extent === null || !known) return;
    // Of one attempt, the server says where it ends.
    if (attempt === undefined) grow(parseRanges(extent.Lines));
    else read();
    search?.look();
  }, [extent, known]);

  const onText = useCallback((text) => {
    setSearch((before) => {
      if (before?.text === text || (!before && !text)) return before;
      before?.close();
      if (!text) return null;
      return new Search(id, attempt, text, lines.numberOf(place.top), {
        onFound: changed,
        onShow: (number) => place.show(lines.rowOf(number)),
      });
    });
  }, []);
  useEffect(() => () => search?.close(), [search]);
  const current = search?.current;
  useEffect(() => {
    drawn.clear();
    changed();
  }, [search, search?.count, current, look.times]);
  useEffect(() => mark(box.current, search?.text ?? ""));

  useKeys({ f: () => place.follow(!place.following), n: () => search?.step(1), N: () => search?.step(-1) }, [
    { keys: "f", does: "Follow the log, or stay" },
    { keys: "n", does: "Next match in the log; N: the one before" },
  ]);

  const row = (index) => {
    const line = lines.at(index);
    if (!line) return unread(lines.numberOf(index));
    if (!drawn.has(line.N)) {
      drawn.set(line.N, draw(line, { times: look.times, isFound: search?.has(line.N) ?? false, isCurrent: line.N === current, onWhole: setWhole }));
    }
    return drawn.get(line.N);
  };

  if (error && !known) return html`<${Failure} error=${error} retry=${read} />`;
  const attempts = task.Attempts ?? [];
  return html`<section class="log" aria-label="Log" ref=${box}>
    <div class="log-bar">
      <${SearchField} onText=${onText} search=${search} />
      ${attempts.length > 1 && html`<select aria-label="Attempt" value=${attempt ?? ""} onChange=${(event) => onAttempt(Number(event.currentTarget.value) || undefined)}>
        <option value="">All attempts</option>
        ${attempts.map(({ Number: number }) => html`<option value=${number}>Attempt ${number}</option>`)}
      </select>`}
      <span class="log-count muted number">${known && plural(lines.count, "line")}</span>
      <${Switch} label="Wrap" title="Wrap long lines" isOn=${look.wrap} onToggle=${() => setLook({ ...look, wrap: !look.wrap })} />
      <${Switch} label="Times" title="Show when each line came" isOn=${look.times} onToggle=${() => setLook({ ...look, times: !look.times })} />
      <${Ends} place=${place} isLive=${isLive} isFollowing=${place.following} />
      <${Download} id=${id} attempt=${attempt} />
    </div>
    ${lines.error && html`<${Failure} error=${lines.error} retry=${() => lines.want(place.first, place.end)} />`}
    ${known && !lines.count && html`<${Empty} icon="info" title=${isLive ? "Nothing was said yet" : "Nothing was said"} />`}
    <${VirtualList} key=${String(look.wrap)} place=${place} label="Lines of the log" row=${row}
      class=${`log-lines ${look.wrap ? "wrap" : ""} ${lines.count ? "" : "nothing"}`} />
    ${whole && html`<${Whole} id=${id} line=${whole} onClose=${() => setWhole(null)} />`}
  </section>`;
}

function begin(id, attempt, changed) {
  const lines = new Lines(id, attempt, changed);
  const place = new Place();
  /** Lines that were drawn before are not drawn again. */
  const drawn = new Map();
  place.onMove = (first, end) => {
    lines.want(first, end);
    if (drawn.size > 5000) drawn.clear();
  };
  place.onFollow = changed;
  return { lines, place, drawn };
}

/** How one likes to see logs: remembered by the browser. */
function useLook() {
  const [look, setLook] = useState(() => {
    try {
      return { wrap: true, times: false, ...JSON.parse(localStorage.getItem(REMEMBERED) ?? "{}") };
    } catch {
      return { wrap: true, times: false };
    }
  });
  const change = (next) => {
    setLook(next);
    try {
      localStorage.setItem(REMEMBERED, JSON.stringify(next));
    } catch {
      // Then it holds until the page is left.
    }
  };
  return [look, change];
}

/** A line of which the list shows the beginning only. */
function Whole({ id, line, onClose }) {
  const [text, setText] = useState(null);
  const [error, setError] = useState(null);
  useEffect(() => {
    const reading = new AbortController();
    readLog(id, { after: line.N - 1, limit: 1, cut: LONGEST }, reading.signal).then(({ lines: [found] }) => setText(found?.Text ?? ""), setError);
    return () => reading.abort();
  }, []);
  return html`<${Dialog} title=${`Line ${count(line.N)}`} wide onClose=${onClose}>
    ${error ? html`<${Failure} error=${error} />` : html`<pre class="whole-line" tabindex="0">${text ?? "…"}</pre>`}
    <footer>
      <span class="muted">${line.Length > LONGEST ? `The first ${count(LONGEST)} of ${count(line.Length)} characters.` : plural(line.Length, "character")}</span>
      ${text !== null && html`<${CopyButton} text=${text}>Copy<//>`}
    </footer>
  <//>`;
}
