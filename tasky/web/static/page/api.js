// The API: every request of the page goes through here.
import { setClock } from "./clock.js";
import { heard, unheard, watched } from "./connection.js";

const BASE = new URL("tasky/v1/", document.baseURI);

/** An answer that is an error (RFC 9457). Its message is what the server says, for people. */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {{detail?: string, title?: string, errors?: {detail: string, pointer?: string, parameter?: string}[]}} body
   * @param {number | null} retryAfter seconds
   */
  constructor(status, body, retryAfter = null) {
    super(body.detail || body.title || `The server answered with ${status}.`);
    this.status = status;
    this.body = body;
    this.errors = body.errors || [];
    this.retryAfter = retryAfter;
  }
}

/** There was no answer. */
export class Unreachable extends Error {
  constructor() {
    super("The server cannot be reached.");
  }
}

let onSignedOut = () => {};

/** Calls `listener` when the server does not know us (any more). */
export function whenSignedOut(listener) {
  onSignedOut = listener;
}

/**
 * The address of a part of the API: url("tasks", id, "log", {tail: 10}). Each word is one segment of the path; options
 * without a value are left out, lists are given several times.
 * @returns {string}
 */
export function url(...words) {
  const options = typeof words.at(-1) === "object" ? words.pop() : {};
  const made = new URL(words.map((word) => encodeURIComponent(word)).join("/"), BASE);
  for (const [key, value] of Object.entries(options || {})) {
    for (const each of [].concat(value ?? [])) if (each !== "") made.searchParams.append(key, each);
  }
  return made.href;
}

/** What an answer that is no success says. Its sender may be a proxy, which says nothing that we know. */
export async function problemOf(answer) {
  const body = await answer.json().catch(() => ({}));
  const pause = Number.parseFloat(answer.headers.get("Retry-After") ?? "");
  return new Problem(answer.status, body ?? {}, Number.isFinite(pause) ? pause : null);
}

/**
 * @param {string} method
 * @param {string} address of `url`
 * @param {{json?: unknown, form?: FormData, headers?: Record<string, string>, signal?: AbortSignal}} [options]
 * @returns {Promise<Response>} one that is a success; throws Problem and Unreachable
 */
export async function request(method, address, options = {}) {
  const headers = { Accept: "application/json", ...options.headers };
  let body = options.form;
  if (options.json !== undefined) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(options.json);
  }
  const asked = fetch(address, {
    method,
    headers,
    body,
    signal: options.signal,
    cache: "no-cache",
  });
  let answer;
  try {
    answer = await watched(asked);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    unheard();
    throw new Unreachable();
  }
  heard();
  setClock(answer);
  if (answer.ok) return answer;
  if (answer.status === 401) onSignedOut();
  throw await problemOf(answer);
}

/** Reads something: get(url("workers")). */
export async function get(address, options) {
  return (await request("GET", address, options)).json();
}

/** Changes something. What it is answered with, or null. */
export async function post(address, options) {
  const answer = await request("POST", address, options);
  return answer.status === 204 ? null : answer.json();
}

export async function remove(address, options) {
  await request("DELETE", address, options);
}
