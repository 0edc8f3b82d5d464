// Looking for a text in a log: the server looks, part by part, and here the numbers of the lines are kept. It begins
// where one is, goes on to the end, and then from the beginning.
import { readLog } from "./lines.js";

/** So many are enough to go from one to the next; after the last of them it goes on. */
const MOST = 20_000;
const PART = 1000;

export class Search {
  error = null;
  /** The place of the one that is shown, in the order in which they are found. */
  at = -1;
  #ahead = [];
  #behind = [];
  /** How far it has looked, to the end and from the beginning. */
  #end;
  #start = 0;
  #last = 0;
  #looking = null;
  #until = MOST;
  #closed = false;

  /**
   * @param {string} id
   * @param {number | undefined} attempt
   * @param {string} text
   * @param {number} from the line where one is: the first one from there on is shown
   * @param {{onFound: () => void, onShow: (number: number) => void}} listener
   */
  constructor(id, attempt, text, from, listener) {
    this.id = id;
    this.attempt = attempt;
    this.text = text;
    this.from = Math.max(1, from);
    this.listener = listener;
    this.#end = this.from - 1;
    this.look();
  }

  close() {
    this.#closed = true;
    this.#looking?.abort();
  }

  get count() {
    return this.#ahead.length + this.#behind.length;
  }

  /** The number of the line that is shown. */
  get current() {
    return this.#numberAt(this.at);
  }

  /** Which one of all that is, from the beginning of the log; until all are known, from where one was. */
  get rank() {
    return this.isDone ? ((this.at + this.#behind.length) % this.count) + 1 : this.at + 1;
  }

  get isDone() {
    return this.#last > 0 && this.#end >= this.#last && this.#start >= this.from - 1;
  }

  /** How much of the log was looked at: 0 to 1. */
  get done() {
    return this.#last ? Math.min(1, (this.#end - this.from + 1 + this.#start) / this.#last) : 0;
  }

  has(number) {
    const list = number >= this.from ? this.#ahead : this.#behind;
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle] < number) low = middle + 1;
      else high = middle;
    }
    return list[low] === number;
  }

  step(by) {
    if (!this.count) return;
    if (this.at + by >= this.count && !this.isDone) {
      this.#until = this.count + MOST;
      this.look();
    }
    this.#show((this.at + by + this.count) % this.count);
  }

  /** On from where it is: also when there are more lines. */
  async look() {
    if (this.#looking || this.#closed) return;
    this.#looking = new AbortController();
    try {
      do await this.#part(this.#looking.signal);
      while (!this.isDone && this.#last && this.count < this.#until);
      this.error = null;
    } catch (error) {
      if (this.#closed) return;
      this.error = error;
    }
    this.#looking = null;
    this.listener.onFound();
  }

  async #part(signal) {
    const isAhead = this.isDone || !this.#last || this.#end < this.#last;
    const after = isAhead ? this.#end : this.#start;
    const { lines, searched, last } = await readLog(
      this.id,
      { search: this.text, limit: PART, cut: 1, after, attempt: this.attempt },
      signal,
    );
    const numbers = lines.map(({ N }) => N);
    this.#last = last;
    if (isAhead) {
      if (this.at >= this.#ahead.length) this.at += numbers.length;
      this.#ahead.push(...numbers);
      this.#end = Math.max(searched, this.#end);
    } else {
      this.#behind.push(...numbers.filter((number) => number < this.from));
      this.#start = Math.min(searched, this.from - 1);
    }
    if (this.at < 0 && this.count) this.#show(0);
    this.listener.onFound();
  }

  #numberAt(at) {
    return at < this.#ahead.length ? this.#ahead[at] : this.#behind[at - this.#ahead.length];
  }

  #show(at) {
    this.at = at;
    this.listener.onShow(this.current);
    this.listener.onFound();
  }
}
