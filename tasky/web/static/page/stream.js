// Event streams: they reconnect by themselves, go on behind the last event that came, and say when what happened in
// between is not known, so that it is read again. A page that nobody looks at lets go of its streams, for a browser has
// few connections to one server, and others want them.
import { problemOf } from "./api.js";
import { heard, unheard } from "./connection.js";
import { EventParser } from "./sse.js";
import { session } from "./session.js";
import { Watchdog, becomes, isSeen, sleep, whenUnseen } from "./waiting.js";

/** The server says something every ten seconds. */
const SILENCE = 25_000;
const RETRY = 2000;
/** Events are handed over in batches: a thousand tasks say more than a page can draw one by one. */
const BATCH = 100;
/** Where no stream is to be had, things are read again so often. */
const POLL = 5000;
/** It will not be different the next time. */
const FINAL = new Set([400, 403, 404, 410, 422]);

/**
 * @typedef {object} Reader
 * @property {(messages: import("./sse.js").Message[]) => void} onEvents in the order in which they happened
 * @property {() => void} [onCatchUp] read everything anew: at the beginning, and whenever events may be missing
 * @property {(reason: string) => void} [onEnd] there is no more: "deleted", or why the server refuses it
 * @property {(state: "connecting" | "live" | "polling" | "ended") => void} [onState]
 */

/**
 * @param {string} address of `url`
 * @param {Reader} reader
 * @param {{resumes?: boolean}} [options] resumes: a stream of one task, which tells its whole story again by itself
 * @returns {() => void} ends it
 */
export function openStream(address, reader, { resumes = false } = {}) {
  const stream = new Stream(address, reader, resumes);
  stream.run();
  return () => stream.close();
}

class Stream {
  #parser = new EventParser();
  #closing = new AbortController();
  #batch = [];
  #timer = 0;
  #opened = false;

  constructor(address, reader, resumes) {
    this.address = address;
    this.reader = reader;
    this.resumes = resumes;
  }

  close() {
    this.#closing.abort();
    clearTimeout(this.#timer);
  }

  async run() {
    while (!this.#closed) {
      await isSeen(this.#closing.signal);
      await becomes(session, Boolean, this.#closing.signal);
      if (this.#closed) return;
      this.#say("connecting");
      const pause = await this.#connect();
      if (this.#closed) return;
      await sleep(pause, this.#closing.signal);
    }
  }

  get #closed() {
    return this.#closing.signal.aborted;
  }

  #say(state) {
    this.reader.onState?.(state);
  }

  #end(reason) {
    this.#flush();
    this.close();
    this.#say("ended");
    this.reader.onEnd?.(reason);
  }

  /** One connection, to its end. Gives how long to wait before the next. */
  async #connect() {
    const broken = new AbortController();
    const abort = () => broken.abort();
    this.#closing.signal.addEventListener("abort", abort);
    const stopLooking = whenUnseen(abort);
    try {
      return await this.#talk(broken);
    } catch {
      if (!broken.signal.aborted) unheard();
      return broken.signal.aborted && document.hidden ? 0 : RETRY;
    } finally {
      stopLooking();
      this.#closing.signal.removeEventListener("abort", abort);
      broken.abort();
      this.#parser.reset();
    }
  }

  async #talk(broken) {
    const watchdog = new Watchdog(() => {
      unheard();
      broken.abort();
    }, SILENCE);
    try {
      const headers = { Accept: "text/event-stream" };
      if (this.#parser.lastId) headers["Last-Event-ID"] = this.#parser.lastId;
      watchdog.feed();
      const answer = await fetch(this.address, {
        headers,
        signal: broken.signal,
        cache: "no-store",
      });
      heard();
      if (!answer.ok) return this.#refused(await problemOf(answer));
      this.#say("live");
      if (!this.#resumes()) this.reader.onCatchUp?.();
      this.#opened = true;
      const text = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await text.read();
        if (done) return this.#closed ? 0 : RETRY;
        watchdog.feed();
        for (const message of this.#parser.feed(value)) this.#take(message);
      }
    } finally {
      watchdog.stop();
    }
  }

  #refused(problem) {
    if (problem.status === 401) {
      session.set(null);
      return 0;
    }
    if (FINAL.has(problem.status)) {
      this.#end(problem.message);
      return 0;
    }
    this.#say("polling");
    this.reader.onCatchUp?.();
    return Math.max(POLL, (problem.retryAfter ?? 0) * 1000);
  }

  /** Nothing is missing: the server goes on behind the last event, or says that it cannot. */
  #resumes() {
    return this.resumes || (this.#opened && this.#parser.lastId !== "");
  }

  #take(message) {
    if (message.event === "reset" || message.event === "dropped") {
      this.#flush();
      this.reader.onCatchUp?.();
    } else if (message.event === "bye") {
      if (message.data.Reason === "deleted") this.#end("deleted");
      if (message.data.Reason === "revoked") session.set(null);
    } else {
      this.#batch.push(message);
      this.#timer ||= setTimeout(() => this.#flush(), BATCH);
    }
  }

  #flush() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (!this.#batch.length) return;
    const messages = this.#batch;
    this.#batch = [];
    this.reader.onEvents(messages);
  }
}
