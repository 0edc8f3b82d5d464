// Whether the server can be reached, and whether it is slow. Everybody who asks it something tells what came of it.
import { createStore } from "./store.js";

const SLOW = 3000;
const PAUSE = 2000;
const HEALTH = new URL("healthz", document.baseURI);

/** false from the first request that got no answer to the next that got one. */
export const reachable = createStore(true);
/** How many requests have waited for long. */
export const slow = createStore(0);

let probing = false;

/** Somebody got an answer, whatever it is. */
export function heard() {
  reachable.set(true);
}

/** Somebody got none. From now on the server is asked now and then whether it is there again. */
export function unheard() {
  reachable.set(false);
  if (!probing) probe();
}

async function probe() {
  probing = true;
  while (!reachable.get()) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    try {
      await fetch(HEALTH, { cache: "no-store" });
      heard();
    } catch {
      // Not yet.
    }
  }
  probing = false;
}

/**
 * Counts a request among the slow ones if it takes too long.
 * @template T
 * @param {Promise<T>} answer
 * @returns {Promise<T>}
 */
export async function watched(answer) {
  let counted = false;
  const timer = setTimeout(() => {
    counted = true;
    slow.set(slow.get() + 1);
  }, SLOW);
  try {
    return await answer;
  } finally {
    clearTimeout(timer);
    if (counted) slow.set(slow.get() - 1);
  }
}
