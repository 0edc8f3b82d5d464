// Waiting for time to pass, for signs of life, and for somebody to look.

/** A page that nobody looks at is left alone for so long. */
const LET_GO = 10_000;

/** Calls `bark` unless it is fed in time. */
export class Watchdog {
  #timer = 0;

  constructor(bark, patience) {
    this.bark = bark;
    this.patience = patience;
  }

  feed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.bark, this.patience);
  }

  stop() {
    clearTimeout(this.#timer);
  }
}

/** Ends early when `signal` says so. */
export function sleep(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}

/** Waits until a store has what is wanted, or `signal` ends it. */
export function becomes(store, isWanted, signal) {
  if (isWanted(store.get())) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      end();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const end = store.subscribe((value) => isWanted(value) && done());
    signal.addEventListener("abort", done);
  });
}

/** Waits until somebody looks at the page. */
export function isSeen(signal) {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const done = new AbortController();
    const look = () => {
      if (document.hidden && !signal.aborted) return;
      done.abort();
      resolve();
    };
    document.addEventListener("visibilitychange", look, { signal: done.signal });
    signal.addEventListener("abort", look, { signal: done.signal });
  });
}

/** Calls `listener` once nobody has looked at the page for a while. */
export function whenUnseen(listener) {
  let timer = 0;
  const look = () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(listener, LET_GO);
  };
  document.addEventListener("visibilitychange", look);
  return () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", look);
  };
}
