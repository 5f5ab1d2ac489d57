// Requests to the API, and its errors (RFC 9457).

import { t } from "../words/words.js";

const BASE = new URL("../../api/v1/", import.meta.url);
const TIMEOUT_MS = 40_000; // API Gateway responds within 30 s

/** @typedef {{pointer: string, detail: string}} FieldError */

/** Error response of the API. `status` is 0 if there was no response. */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {string} code such as `request-invalid`
   * @param {string} detail message of the API in English, or words of the page if `isOurs`
   * @param {FieldError[]} fieldErrors
   * @param {number | null} retryAfter seconds
   */
  constructor(status, code, detail, fieldErrors = [], retryAfter = null) {
    super(detail);
    Object.assign(this, { status, code, detail, fieldErrors, retryAfter });
  }

  /** Whether `detail` is a message of the page, because the API sent none. */
  get isOurs() {
    return this.status === 0 || this.code.startsWith("http-");
  }

  /** Whether the same request may succeed later. */
  get passes() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/**
 * Source of the key, and the functions that are called when the API rejects it: `renewed` returns another one, or null.
 * @type {{key: () => string | null, renewed: (rejected: string) => Promise<string | null>, refused: (problem: Problem) => void}}
 */
let session = { key: () => null, renewed: async () => null, refused: () => undefined };

/** @param {typeof session} given */
export function useSession(given) {
  session = given;
}

/**
 * Sends a request. `path` is relative to /api/v1/.
 * @param {string} method
 * @param {string} path
 * @param {{query?: Object<string, string | number | null | undefined>, body?: unknown, headers?: Object<string, string>, signal?: AbortSignal, key?: string | null}} [options]
 * @returns {Promise<{data: any, retryAfter: number | null}>}
 * @throws {Problem}
 */
export async function call(method, path, { query = {}, body, headers = {}, signal, key } = {}) {
  const presented = key === undefined ? session.key() : key;
  const send = (/** @type {string | null} */ sent) => request(method, path, { query, body, headers, signal, key: sent });
  const answer = await send(presented);
  if (key !== undefined || presented === null || answer.status !== 401) return read(answer, key === undefined);
  // The API has done nothing yet, so that the request can be repeated with a new token.
  const renewed = await session.renewed(presented);
  return read(renewed === null ? answer : await send(renewed), true);
}

/** Sends a request once. @returns {Promise<Response>} @throws {Problem} if there is no response */
async function request(method, path, { query, body, headers, signal, key }) {
  const url = new URL(path, BASE);
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, String(value));
  }
  const limits = [AbortSignal.timeout(TIMEOUT_MS), ...(signal ? [signal] : [])];
  try {
    return await fetch(url, {
      method,
      headers: {
        Accept: "application/json",
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...(key ? { Authorization: `Bearer ${key}` } : {}),
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
}

/** Returns the query of the URL in `next`. Its origin is ignored, because the API may have several URLs. */
export function nextQuery(/** @type {string | null} */ next) {
  return next === null ? null : Object.fromEntries(new URL(next, BASE).searchParams);
}

/** Returns an Idempotency-Key of 128 random bits. `crypto.randomUUID` needs a secure context. */
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
    data = null; // an error page of a proxy, whose status is enough
  }
  if (answer.ok) return { data, retryAfter };
  const code = String(data?.type ?? "").replace("urn:resma:problem:", "") || `http-${answer.status}`;
  const detail = data?.detail ?? t("error.status", { status: answer.status });
  const problem = new Problem(answer.status, code, detail, data?.errors ?? [], retryAfter);
  if (answer.status === 401 && isOfSession) session.refused(problem);
  throw problem;
}
