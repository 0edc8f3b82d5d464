// Event streams: they reconnect by themselves, go on behind the last event that came, and say when what happened in
// between is not known, so that it is read again. A page that nobody looks at lets go of its streams, for a browser has
// few connections to one server, and others want them.
import { problemOf, url } from "./api.js";
import { heard, unheard } from "./connection.js";
import { EventParser } from "./sse.js";
import { session } from "./session.js";

/** The server says something every ten seconds. */
const SILENCE = 25_000;
const RETRY = 2000;
/** Events are handed over in batches: a thousand tasks say more than a page can draw one by one. */
const BATCH = 100;
/** Where no stream is to be had, things are read again so often. */
const POLL = 5000;
const LET_GO = 10_000;
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
    });
    try {
      const headers = { Accept: "text/event-stream" };
      if (this.#parser.lastId) headers["Last-Event-ID"] = this.#parser.lastId;
      watchdog.feed();
      const answer = await fetch(this.address, { headers, signal: broken.signal, cache: "no-store" });
      heard();
      if (!answer.ok) return this.#refused(await problemOf(answer));
      this.#say("live");
      if (!this.#opened || !this.#parser.lastId) this.#catchUp();
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
      this.#end("signed-out");
      return 0;
    }
    if (FINAL.has(problem.status)) {
      this.#end(problem.message);
      return 0;
    }
    this.#say("polling");
    this.#catchUp();
    return Math.max(POLL, (problem.retryAfter ?? 0) * 1000);
  }

  #catchUp() {
    if (!this.resumes) this.reader.onCatchUp?.();
  }

  #take(message) {
    if (message.event === "reset" || message.event === "dropped") {
      this.#flush();
      this.reader.onCatchUp?.();
    } else if (message.event === "bye") {
      if (message.data.Reason === "deleted") this.#end("deleted");
      if (message.data.Reason === "revoked") {
        session.set(null);
        this.#end("signed-out");
      }
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

class Watchdog {
  #timer = 0;

  constructor(bark) {
    this.bark = bark;
  }

  feed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.bark, SILENCE);
  }

  stop() {
    clearTimeout(this.#timer);
  }
}

function sleep(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}

/** Waits until somebody looks at the page. */
function isSeen(signal) {
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
function whenUnseen(listener) {
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

// All tasks' events: one stream for whoever wants them.

/** @type {Set<Reader>} */
const readers = new Set();
let end = null;
let state = "connecting";

function toAll(what) {
  return (value) => {
    for (const each of [...readers]) each[what]?.(value);
  };
}

/**
 * The events of all tasks that one may see (without the lines of their logs): `status`, `progress` and `result`, each
 * with TaskId and Worker in its data. `onCatchUp` comes first: it is the time to read what there is.
 * @param {Reader} reader
 * @returns {() => void} ends it
 */
export function allTasks(reader) {
  readers.add(reader);
  if (end === null) {
    end = openStream(url("events"), {
      onEvents: toAll("onEvents"),
      onCatchUp: toAll("onCatchUp"),
      onEnd: toAll("onEnd"),
      onState(next) {
        state = next;
        toAll("onState")(next);
      },
    });
  } else {
    reader.onState?.(state);
    reader.onCatchUp?.();
  }
  return () => {
    readers.delete(reader);
    // The next view may want it at once.
    setTimeout(() => {
      if (readers.size || end === null) return;
      end();
      end = null;
      state = "connecting";
    });
  };
}
