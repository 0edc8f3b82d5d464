// Server-Sent Events, as the standard says. EventSource is not used: it does not say why a stream was refused, and does
// not notice that a connection is dead, for it keeps the heart-beats to itself.

/**
 * @typedef {{id: string, event: string, data: any}} Message
 */

/** Fed with text as it comes, it gives the messages that are complete. */
export class EventParser {
  #rest = "";
  #event = "";
  #data = [];
  /** The id of the latest message: to go on behind it. */
  lastId = "";

  /**
   * @param {string} text
   * @returns {Message[]}
   */
  feed(text) {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop();
    const messages = [];
    for (const line of lines) {
      const message = this.#take(line.endsWith("\r") ? line.slice(0, -1) : line);
      if (message) messages.push(message);
    }
    return messages;
  }

  /** A connection broke: half a message is none. */
  reset() {
    this.#rest = "";
    this.#event = "";
    this.#data = [];
  }

  #take(line) {
    if (line === "") return this.#finish();
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#event = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id") this.lastId = value;
    return null;
  }

  #finish() {
    const made = this.#data.length
      ? {
          id: this.lastId,
          event: this.#event || "message",
          data: JSON.parse(this.#data.join("\n")),
        }
      : null;
    this.#event = "";
    this.#data = [];
    return made;
  }
}
