// The server's clock, for durations of what goes on: this machine's may be wrong.

/** A header says whole seconds, and comes late: what is within this is no difference. */
const TOLERANCE = 2000;
let ahead = 0;

/** @param {Response} answer of the server, just now */
export function setClock(answer) {
  const told = Date.parse(answer.headers.get("Date") ?? "");
  const found = told - Date.now();
  if (Number.isFinite(found)) ahead = Math.abs(found) > TOLERANCE ? found : 0;
}

/** What time it is there, as Date.now. */
export function serverNow() {
  return Date.now() + ahead;
}
