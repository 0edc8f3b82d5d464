// Who is signed in, and what the server allows them. That the server checks itself: here it is only asked so that the
// page does not offer what would be refused.
import { get, post, url, whenSignedOut } from "./api.js";
import { createStore } from "./store.js";

/**
 * @typedef {{name: string | null, with: string | null, scopes: string[]}} Principal
 * undefined: not asked yet; null: the server wants a token first.
 */
export const session = createStore(/** @type {Principal | null | undefined} */ (undefined));

/** What somebody might whose session has ended stays in the page while they sign in again. */
let latest = null;

session.subscribe((who) => {
  latest = who ?? latest;
});
whenSignedOut(() => session.set(null));

export async function readSession() {
  try {
    session.set(await get(url("whoami")));
  } catch (error) {
    if (error.status !== 401) throw error;
  }
}

/** A browser's session is a cookie that no script can read: the token itself is kept nowhere. */
export async function signIn(token) {
  await post(url("login"), { json: { token } });
  await readSession();
}

export async function signOut() {
  await post(url("logout"));
  // Nothing of what was shown is kept.
  location.reload();
}

/** Whether a scope such as run:copy* allows something with a worker. */
function fits(scope, need, worker) {
  const [what, pattern] = scope.split(":");
  if (what !== need) return false;
  if (pattern === undefined || worker === undefined) return true;
  const escaped = pattern.replace(
    /[^*]/g,
    (letter) => `\\u{${letter.codePointAt(0).toString(16)}}`,
  );
  return new RegExp(`^${escaped.replaceAll("*", ".*")}$`, "u").test(worker);
}

/**
 * @param {"admin" | "read" | "run" | "cancel"} need
 * @param {string} [worker] one of them, or any
 */
export function may(need, worker) {
  const scopes = latest?.scopes ?? [];
  return scopes.includes("admin") || scopes.some((scope) => fits(scope, need, worker));
}

/** Cancel, pause and resume: also what one has started oneself. */
export function mayStop(task) {
  const own = task.By !== undefined && task.By === latest?.name;
  return may("cancel", task.Worker) || (own && may("run", task.Worker));
}
