// Looking for a text in a log: the server looks, part by part, and here the numbers of the lines are kept.
import { readLog } from "./lines.js";

/** So many are enough to go from one to the next; after the last of them it goes on. */
const MOST = 20_000;

export class Search {
  /** The numbers of the lines, as far as they are known. */
  found = [];
  /** The place among them. */
  at = -1;
  /** How far it has looked, and whether that is all for now. */
  searched = 0;
  done = false;
  error = null;
  #looking = null;
  #until = MOST;

  /**
   * @param {string} id
   * @param {number | undefined} attempt
   * @param {string} text
   * @param {number} from the line where one is: the first one behind it is shown
   * @param {{onFound: () => void, onShow: (number: number) => void}} listener
   */
  constructor(id, attempt, text, from, listener) {
    this.id = id;
    this.attempt = attempt;
    this.text = text;
    this.from = from;
    this.listener = listener;
    this.look();
  }

  close() {
    this.#looking?.abort();
    this.#looking = null;
    this.closed = true;
  }

  /** On from where it is: also when there are more lines. */
  async look() {
    if (this.#looking || this.closed) return;
    const looking = new AbortController();
    this.#looking = looking;
    this.done = false;
    try {
      while (this.found.length < this.#until) {
        const options = { search: this.text, limit: 1000, cut: 1, after: this.searched, attempt: this.attempt };
        const { lines, searched, last } = await readLog(this.id, options, looking.signal);
        for (const { N } of lines) this.found.push(N);
        this.searched = searched;
        this.#begin(searched >= last);
        this.listener.onFound();
        if (searched >= last) break;
      }
      this.done = true;
      this.error = null;
    } catch (error) {
      if (error.name === "AbortError") return;
      this.error = error;
    } finally {
      if (this.#looking === looking) this.#looking = null;
    }
    this.listener.onFound();
  }

  /** Shows the first one behind the place where one was, or else the first. */
  #begin(isAll) {
    if (this.at >= 0 || !this.found.length) return;
    const at = this.found.findIndex((number) => number >= this.from);
    if (at < 0 && !isAll && this.found.length < this.#until) return;
    this.#show(Math.max(0, at));
  }

  step(by) {
    if (!this.found.length) return;
    if (this.at + by >= this.found.length && this.found.length >= this.#until) {
      this.#until += MOST;
      this.look();
    }
    this.#show((this.at + by + this.found.length) % this.found.length);
  }

  #show(at) {
    this.at = at;
    this.listener.onShow(this.found[at]);
    this.listener.onFound();
  }
}
