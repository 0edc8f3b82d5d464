// Reading again what counts tasks, when they begin and end: soon, but not for each of many.
import { useEffect, useRef } from "./html.js";
import { allTasks } from "./live.js";

/** From one time to the next, at least. */
const PAUSE = 1000;

/**
 * @param {() => void} reload
 * @param {(data: {TaskId: string, Worker: string}) => boolean} [isAbout] whether a task matters
 */
export function useFresh(reload, isAbout = () => true) {
  const latest = useRef({ reload, isAbout });
  latest.current = { reload, isAbout };
  useEffect(() => {
    let timer = 0;
    let at = performance.now();
    const later = () => {
      const pause = Math.max(0, at + PAUSE - performance.now());
      timer ||= setTimeout(() => {
        timer = 0;
        at = performance.now();
        latest.current.reload();
      }, pause);
    };
    const matters = ({ event, data }) => event !== "progress" && latest.current.isAbout(data);
    // What comes at once is no news: the view is just being read.
    let beginning = true;
    const end = allTasks({
      onEvents: (messages) => messages.some(matters) && later(),
      onCatchUp: () => beginning || later(),
    });
    beginning = false;
    return () => {
      end();
      clearTimeout(timer);
    };
  }, []);
}
