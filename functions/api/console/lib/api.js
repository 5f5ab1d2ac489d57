// Requests to the API, and its errors (RFC 9457).

import { t } from "../words/words.js";

const BASE = new URL("../../api/v1/", import.meta.url);
const PATIENCE_MS = 40_000; // API Gateway answers within 30 s

/** @typedef {{pointer: string, detail: string}} FieldError */

/** An answer that is no success. `status` 0: there was none. */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {string} code like `request-invalid`
   * @param {string} detail the API's sentence, in English; the page's own words where `isOurs`
   * @param {FieldError[]} fieldErrors
   * @param {number | null} retryAfter seconds
   */
  constructor(status, code, detail, fieldErrors = [], retryAfter = null) {
    super(detail);
    Object.assign(this, { status, code, detail, fieldErrors, retryAfter });
  }

  /** Whether `detail` is the page's own words, as there were none of the API. */
  get isOurs() {
    return this.status === 0 || this.code.startsWith("http-");
  }

  /** Whether the same request may succeed later. */
  get passes() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Where the key comes from, and who is told that it is no longer taken. @type {{key: () => string | null, refused: (problem: Problem) => void}} */
let session = { key: () => null, refused: () => undefined };

/** @param {typeof session} given */
export function useSession(given) {
  session = given;
}

/**
 * Makes a request; `path` is what follows /api/v1/.
 * @param {string} method
 * @param {string} path
 * @param {{query?: Object<string, string | number | null | undefined>, body?: unknown, headers?: Object<string, string>, signal?: AbortSignal, key?: string | null}} [options]
 * @returns {Promise<{data: any, retryAfter: number | null}>}
 * @throws {Problem}
 */
export async function call(method, path, { query = {}, body, headers = {}, signal, key } = {}) {
  const address = new URL(path, BASE);
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") address.searchParams.set(name, String(value));
  }
  const presented = key === undefined ? session.key() : key;
  const limits = [AbortSignal.timeout(PATIENCE_MS), ...(signal ? [signal] : [])];
  let answer;
  try {
    answer = await fetch(address, {
      method,
      headers: {
        Accept: "application/json",
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...(presented ? { Authorization: `Bearer ${presented}` } : {}),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.any(limits),
      credentials: "omit",
      cache: "no-store",
      redirect: "error",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, "no-answer", t("error.no-answer"));
  }
  return read(answer, key === undefined);
}

/** What follows `next`'s question mark, as a query: the address itself may be another name of this stack. */
export function nextQuery(/** @type {string | null} */ next) {
  return next === null ? null : Object.fromEntries(new URL(next, BASE).searchParams);
}

/** An Idempotency-Key: 128 random bits; randomUUID is for secure addresses only. */
export function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function read(answer, isOfSession) {
  const seconds = Number(answer.headers.get("Retry-After"));
  const retryAfter = seconds > 0 ? seconds : null;
  const text = await answer.text();
  let data = null;
  try {
    data = text === "" ? null : JSON.parse(text);
  } catch {
    data = null; // a gateway's page; its status says enough
  }
  if (answer.ok) return { data, retryAfter };
  const code = String(data?.type ?? "").replace("urn:resma:problem:", "") || `http-${answer.status}`;
  const detail = data?.detail ?? t("error.status", { status: answer.status });
  const problem = new Problem(answer.status, code, detail, data?.errors ?? [], retryAfter);
  if (answer.status === 401 && isOfSession) session.refused(problem);
  throw problem;
}
