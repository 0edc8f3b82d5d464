// A list that shows the rows around a place: see place.js.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../html.js";

/**
 * @param {{place: import("./place.js").Place, label: string, row: (index: number) => unknown,
 *   class?: string}} props row: an element with a key
 */
export function VirtualList({ place, label, row, class: kind = "" }) {
  const element = useRef(null);
  const rows = useRef(null);
  const [, redraw] = useState(0);
  useEffect(
    () => place.attach(element.current, rows.current, () => redraw((turn) => turn + 1)),
    [place],
  );
  useLayoutEffect(() => place.drawn());
  const shown = [];
  for (let index = place.first; index < place.end; index++) shown.push(row(index));
  return html`<div
    class=${`virtual ${kind}`}
    ref=${element}
    tabindex="0"
    role="region"
    aria-label=${label}
  >
    <div aria-hidden="true"></div>
    <div ref=${rows}>${shown}</div>
    <div aria-hidden="true"></div>
  </div>`;
}
