// What the view of a log keeps: its lines, where one is among them, and what one looks for.
import { useCallback, useEffect, useMemo, useState } from "../html.js";
import { Place } from "../ui/place.js";
import { Lines, readLog } from "./lines.js";
import { Search } from "./search.js";

/** Lines that are kept as they were drawn. */
const DRAWN = 5000;

/**
 * @param {{task: object, attempt: number | undefined, isLive: boolean,
 *   extent: number[][] | null}} log extent: the numbers of its lines, as they were told last
 */
export function useLines({ task, attempt, isLive, extent }) {
  const [, redraw] = useState(0);
  const changed = useCallback(() => redraw((turn) => turn + 1), []);
  const { lines, place, drawn } = useMemo(() => begin(task.TaskId, attempt, changed), []);
  const [isKnown, setKnown] = useState(false);
  const [error, setError] = useState(null);

  const grow = useCallback((ranges) => {
    const number = lines.numberOf(place.top);
    if (lines.setRanges(ranges)) {
      drawn.clear();
      place.replaced(lines.count, lines.rowOf(number));
    } else {
      place.setCount(lines.count);
    }
    setKnown(true);
    changed();
  }, []);
  const read = useCallback(async () => {
    setError(null);
    try {
      grow((await readLog(task.TaskId, { attempt, tail: 0 })).ranges);
    } catch (failed) {
      setError(failed);
    }
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
    if (extent === null || !isKnown) return;
    // Where the lines of one attempt end is told by the log only.
    if (attempt === undefined) grow(extent);
    else read();
  }, [extent, isKnown]);
  useEffect(() => {
    if (isKnown && !isLive) read();
  }, [isLive]);

  return { lines, place, drawn, changed, isKnown, error, read };
}

function begin(id, attempt, changed) {
  const lines = new Lines(id, attempt, changed);
  const place = new Place();
  /** By their numbers: what was drawn before is not drawn again. */
  const drawn = new Map();
  place.onMove = (first, end) => {
    lines.want(first, end);
    if (drawn.size > DRAWN) drawn.clear();
  };
  place.onFollow = changed;
  return { lines, place, drawn };
}

/**
 * @returns {{search: Search | null, onText: (text: string) => void}}
 */
export function useSearch({ lines, place, changed }, extent) {
  const [search, setSearch] = useState(null);
  const onText = useCallback((text) => {
    setSearch((before) => {
      if ((before?.text ?? "") === text) return before;
      if (!text) return null;
      return new Search(lines.id, lines.attempt, text, lines.numberOf(place.top), {
        onFound: changed,
        onShow: (number) => place.show(lines.rowOf(number)),
      });
    });
  }, []);
  useEffect(() => () => search?.close(), [search]);
  useEffect(() => {
    search?.look();
  }, [extent]);
  return { search, onText };
}
