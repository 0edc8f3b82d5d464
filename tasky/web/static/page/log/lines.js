// A log that may have a million lines, of which a few thousand are here: pieces of it, read when somebody wants to see
// them, and forgotten again. Lines have numbers, of which some may be missing (what was dropped); rows have none.
import { request, url } from "../api.js";

const PIECE = 500;
const KEPT = 40;
/** Characters of a line. */
const CUT = 4000;
const AT_ONCE = 2;

/**
 * @typedef {{N: number, Time: string, Stream: string, Attempt: number, Text: string, Level?: string,
 *   Fields?: Record<string, unknown>, Length?: number}} Line
 */

/** "1-500,9000-9800" -> [[1, 500], [9000, 9800]] */
export function parseRanges(text) {
  return text === "" ? [] : text.split(",").map((range) => range.split("-").map(Number));
}

/** @returns {Line[]} */
export function parseLines(text) {
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

/** @returns {Promise<{lines: Line[], ranges: number[][], searched: number, last: number}>} */
export async function readLog(id, options, signal) {
  const answer = await request("GET", url("tasks", id, "log", options), {
    signal,
    headers: { Accept: "application/jsonl" },
  });
  const number = (name) => Number(answer.headers.get(name) ?? 0);
  return {
    ranges: parseRanges(answer.headers.get("Tasky-Lines") ?? ""),
    searched: number("Tasky-Searched"),
    last: number("Tasky-Last-Line"),
    lines: parseLines(await answer.text()),
  };
}

export class Lines {
  /** How many rows there are. */
  count = 0;
  error = null;
  #ranges = [];
  /** Of each range, the row of its first line. */
  #rows = [];
  /** @type {Map<number, {lines: Map<number, Line>, upTo: number, loading: AbortController | null}>} the latest used last */
  #pieces = new Map();
  #wanted = [0, 0];
  #closed = false;

  /**
   * @param {string} id
   * @param {number | undefined} attempt
   * @param {() => void} onChange
   */
  constructor(id, attempt, onChange) {
    this.id = id;
    this.attempt = attempt;
    this.onChange = onChange;
  }

  close() {
    this.#closed = true;
    for (const piece of this.#pieces.values()) piece.loading?.abort();
  }

  get last() {
    return this.#ranges.at(-1)?.[1] ?? 0;
  }

  /**
   * The lines that there are by now.
   * @returns {boolean} whether rows that were there before are others now
   */
  setRanges(ranges) {
    const grown =
      ranges.length >= this.#ranges.length &&
      this.#ranges.every(([first, last], at) => {
        const [newFirst, newLast] = ranges[at];
        return (
          first === newFirst &&
          (at === this.#ranges.length - 1 ? newLast >= last : newLast === last)
        );
      });
    if (!grown) for (const [first] of ranges) this.#pieces.delete(pieceOf(first));
    this.#ranges = ranges;
    let count = 0;
    this.#rows = ranges.map(([first, last]) => {
      const row = count;
      count += last - first + 1;
      return row;
    });
    this.count = count;
    this.#load();
    return !grown;
  }

  /** The number of the line in a row. */
  numberOf(row) {
    const at = lastAt(this.#rows, row);
    return at < 0 ? 0 : this.#ranges[at][0] + row - this.#rows[at];
  }

  /** The row of a line, or of the next one if that was dropped. */
  rowOf(number) {
    const at = lastAt(
      this.#ranges.map(([first]) => first),
      number,
    );
    if (at < 0) return 0;
    const [first, last] = this.#ranges[at];
    return (
      this.#rows[at] +
      Math.min(number, last) -
      first +
      (number > last && at + 1 < this.#ranges.length ? 1 : 0)
    );
  }

  /** @returns {Line | undefined} undefined: it is not here (yet) */
  at(row) {
    const number = this.numberOf(row);
    return this.#pieces.get(pieceOf(number))?.lines.get(number);
  }

  /** Rows that somebody wants to see. */
  want(first, end) {
    this.#wanted = [first, end];
    this.#load();
  }

  #load() {
    if (this.#closed || this.#wanted[0] >= this.#wanted[1] || !this.count) return;
    const from = pieceOf(this.numberOf(Math.min(this.#wanted[0], this.count - 1)));
    const to = pieceOf(this.numberOf(Math.min(this.#wanted[1], this.count) - 1));
    let under = 0;
    for (const [number, piece] of this.#pieces) {
      if (piece.loading && (number < from || number > to)) {
        piece.loading.abort();
        this.#pieces.delete(number);
      }
      if (piece.loading) under += 1;
    }
    // What one sees is somewhere in the middle; of what follows, the end is what one wants while lines come.
    for (let number = to; number >= from && under < AT_ONCE; number--) {
      if (this.#isWhole(number)) continue;
      this.#read(number);
      under += 1;
    }
  }

  #isWhole(number) {
    const piece = this.#pieces.get(number);
    if (!piece)
      return !this.#ranges.some(
        ([first, last]) => first <= (number + 1) * PIECE && last > number * PIECE,
      );
    return piece.loading !== null || piece.upTo >= Math.min(this.last, (number + 1) * PIECE);
  }

  async #read(number) {
    const piece = this.#pieces.get(number) ?? {
      lines: new Map(),
      upTo: number * PIECE,
      loading: null,
    };
    const end = (number + 1) * PIECE;
    const loading = new AbortController();
    piece.loading = loading;
    this.#pieces.set(number, piece);
    try {
      const options = {
        after: piece.upTo,
        limit: end - piece.upTo,
        cut: CUT,
        attempt: this.attempt,
      };
      const { lines, last } = await readLog(this.id, options, loading.signal);
      for (const line of lines) if (line.N <= end) piece.lines.set(line.N, line);
      piece.upTo = Math.max(piece.upTo, Math.min(end, last));
      this.error = null;
    } catch (error) {
      if (error.name === "AbortError") return;
      this.error = error;
      if (!piece.lines.size) this.#pieces.delete(number);
    } finally {
      if (piece.loading === loading) piece.loading = null;
    }
    if (this.#closed) return;
    this.#forget();
    this.onChange();
    if (!this.error) this.#load();
  }

  #forget() {
    for (const number of this.#pieces.keys()) {
      if (this.#pieces.size <= KEPT) return;
      if (!this.#pieces.get(number).loading) this.#pieces.delete(number);
    }
  }
}

function pieceOf(number) {
  return Math.floor((number - 1) / PIECE);
}

/** The place of the last number that is not greater; -1 if there is none. */
function lastAt(numbers, value) {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
