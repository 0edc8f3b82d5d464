// The events of all tasks: one stream for whoever wants them.
import { url } from "./api.js";
import { openStream } from "./stream.js";

export { openStream };

/** @typedef {import("./stream.js").Reader} Reader */

/** @type {Set<Reader>} */
const readers = new Set();
let end = null;
let state = "connecting";

function toAll(what) {
  return (value) => {
    for (const each of [...readers]) each[what]?.(value);
  };
}

/**
 * The events of all tasks that one may see (without the lines of their logs): `status`, `progress` and `result`, each
 * with TaskId and Worker in its data. `onCatchUp` comes first: it is the time to read what there is.
 * @param {Reader} reader
 * @returns {() => void} ends it
 */
export function allTasks(reader) {
  readers.add(reader);
  if (end === null) {
    end = openStream(url("events"), {
      onEvents: toAll("onEvents"),
      onCatchUp: toAll("onCatchUp"),
      onEnd: toAll("onEnd"),
      onState(next) {
        state = next;
        toAll("onState")(next);
      },
    });
  } else {
    reader.onState?.(state);
    reader.onCatchUp?.();
  }
  return () => {
    readers.delete(reader);
    // The next view may want it at once.
    setTimeout(() => {
      if (readers.size || end === null) return;
      end();
      end = null;
      state = "connecting";
    });
  };
}
