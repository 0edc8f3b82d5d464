// A task's log: live, to be followed, paused and searched, however long it is.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../html.js";
import { plural } from "../format.js";
import { useKeys } from "../keys.js";
import { Empty, Failure } from "../ui/states.js";
import { VirtualList } from "../ui/virtual.js";
import { Attempts, Download, Ends, SearchField, Toggle } from "./bar.js";
import { mark } from "./highlight.js";
import { useLook } from "./look.js";
import { draw, unread } from "./row.js";
import { useLines, useSearch } from "./state.js";
import { Whole } from "./whole.js";

/**
 * @param {{task: object, isLive: boolean, extent: number[][] | null}} props extent: the numbers of the lines of the log,
 *   as they were told last
 */
export function Log(props) {
  const [attempt, setAttempt] = useState(undefined);
  return html`<${LogOf}
    key=${`${props.task.TaskId} ${attempt ?? ""}`}
    ...${props}
    attempt=${attempt}
    onAttempt=${setAttempt}
  />`;
}

function LogOf({ task, isLive, extent, attempt, onAttempt }) {
  const state = useLines({ task, attempt, isLive, extent });
  const { lines, place, drawn, isKnown, error } = state;
  const { search, onText } = useSearch(state, extent);
  const [look, toggle] = useLook();
  const [whole, setWhole] = useState(null);
  const box = useRef(null);
  const current = search?.current;

  const looks = `${look.times} ${search?.text} ${search?.count} ${current}`;
  const drawnAs = useRef(looks);
  if (drawnAs.current !== looks) drawn.clear();
  drawnAs.current = looks;
  useLayoutEffect(() => mark(box.current, search?.text ?? ""));
  useEffect(() => () => mark(null, ""), []);

  useKeys(
    {
      f: () => place.follow(!place.following),
      n: () => search?.step(1),
      N: () => search?.step(-1),
    },
    [
      { keys: "f", does: "Follow the log, or stay" },
      { keys: "n", does: "Next match in the log; N: the one before" },
    ],
  );

  const row = (index) => {
    const line = lines.at(index);
    if (!line) return unread(lines.numberOf(index));
    const number = line.N;
    const isFound = search?.has(number) ?? false;
    const isCurrent = number === current;
    if (!drawn.has(number))
      drawn.set(number, draw(line, { times: look.times, isFound, isCurrent, onWhole: setWhole }));
    return drawn.get(number);
  };

  if (error && !isKnown) return html`<${Failure} error=${error} retry=${state.read} />`;
  const change = (name) => {
    place.hold();
    toggle(name);
  };
  const again = () => lines.want(place.first, place.end);
  const isEmpty = isKnown && !lines.count;
  return html`<section class="log" aria-label="Log" ref=${box}>
    <div class="log-bar">
      <${SearchField} onText=${onText} search=${search} />
      <${Attempts} attempts=${task.Attempts ?? []} selected=${attempt} onSelect=${onAttempt} />
      <span class="log-count muted number">${isKnown && plural(lines.count, "line")}</span>
      <${Toggle}
        label="Wrap"
        title="Wrap long lines"
        isOn=${look.wrap}
        onToggle=${() => change("wrap")}
      />
      <${Toggle}
        label="Times"
        title="Show when each line came"
        isOn=${look.times}
        onToggle=${() => change("times")}
      />
      <${Ends} place=${place} isKnown=${isKnown} isLive=${isLive} isFollowing=${place.following} />
      <${Download} id=${task.TaskId} attempt=${attempt} />
    </div>
    ${lines.error && html`<${Failure} error=${lines.error} retry=${again} />`}
    ${isEmpty && html`<${Empty} title=${isLive ? "Nothing was said yet" : "Nothing was said"} />`}
    <${VirtualList}
      place=${place}
      label="Lines of the log"
      row=${row}
      class=${`log-lines ${look.wrap ? "wrap" : ""} ${isEmpty ? "nothing" : ""}`}
    />
    ${whole && html`<${Whole} id=${task.TaskId} line=${whole} onClose=${() => setWhole(null)} />`}
  </section>`;
}
