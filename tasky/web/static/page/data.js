// What a view shows, read from the server.
import { useCallback, useEffect, useRef, useState } from "./html.js";
import { reachable } from "./connection.js";
import { session } from "./session.js";

/**
 * Reads something when the view begins, when `inputs` change, when the server is back, after
 * signing in again, and on `reload`. What was read
 * before stays until the new is there; so it does if that fails, beside the error.
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} load
 * @param {unknown[]} inputs
 * @returns {{data: T | undefined, error: Error | null, loading: boolean, reload: () => void,
 *   change: (edit: (data: T) => T) => void}}
 */
export function useData(load, inputs) {
  const [state, setState] = useState({ data: undefined, error: null, loading: true });
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;

  useEffect(() => {
    setState({ data: undefined, error: null, loading: true });
  }, inputs);

  useEffect(() => {
    const aborting = new AbortController();
    setState((before) => ({ ...before, loading: true }));
    latest.current(aborting.signal).then(
      (data) => {
        if (!aborting.signal.aborted) setState({ data, error: null, loading: false });
      },
      (error) => {
        if (!aborting.signal.aborted) setState((before) => ({ ...before, error, loading: false }));
      },
    );
    return () => aborting.abort();
  }, [...inputs, turn]);

  const reload = useCallback(() => setTurn((before) => before + 1), []);
  useEffect(() => {
    const ends = [reachable, session].map((each) => each.subscribe((is) => is && reload()));
    return () => ends.forEach((end) => end());
  }, []);
  const change = useCallback((edit) => {
    setState((before) =>
      before.data === undefined ? before : { ...before, data: edit(before.data) },
    );
  }, []);
  return { ...state, reload, change };
}
