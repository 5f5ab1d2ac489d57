// Requests a report, waits for it, and saves it if its SHA-256 matches. Requires Node 18 or newer and no packages.
//
//   RESMA_URL=https://reports.example.com RESMA_KEY=rsm_… \
//   node generate_and_download.mjs '{"type": "TRANSACTIONS", "format": "CSV"}' transactions.csv
import { createHash, randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rename } from "node:fs/promises";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";

const URL = process.env.RESMA_URL ?? "http://localhost:3008";
const KEY = process.env.RESMA_KEY; // A stack of `make up` needs no key.
const MAX_TRIES = 5;
const MAX_PAUSE_SECONDS = 60;

/** Thrown if the API rejects the request or the report fails; the message says why. */
class ReportError extends Error {}

/** Calls the API, with retries after temporary errors. Returns the response, with its JSON as `report`. */
async function call(url, options = {}) {
  const headers = { ...options.headers, ...(KEY && { Authorization: `Bearer ${KEY}` }) };
  for (let triesLeft = MAX_TRIES - 1; ; triesLeft--) {
    let pause = 2;
    try {
      // Redirects are not followed, because the key must not be sent to the object store.
      const response = await fetch(url, { ...options, headers, redirect: "manual", signal: AbortSignal.timeout(60_000) });
      if (response.status === 303) return response;
      const text = await response.text();
      if (response.ok) return Object.assign(response, { report: JSON.parse(text) });
      const isTemporary = response.status === 429 || response.status >= 500 || response.headers.has("Retry-After");
      pause = Number(response.headers.get("Retry-After") ?? pause);
      if (!isTemporary || !triesLeft || pause > MAX_PAUSE_SECONDS) throw new ReportError(explain(response.status, text));
    } catch (error) {
      if (error instanceof ReportError || !triesLeft) throw error;
    }
    await sleep(pause * 1000);
  }
}

/** Formats a problem document (RFC 9457). The response of a gateway may not be one. */
function explain(status, text) {
  try {
    const problem = JSON.parse(text);
    const errors = (problem.errors ?? []).map((error) => `\n  ${error.pointer}: ${error.detail}`);
    return `${status} ${problem.title}: ${problem.detail}${errors.join("")}`;
  } catch {
    return `${status}`;
  }
}

/** Requests a report. A retry with the same Idempotency-Key does not create a second report. */
function generate(request) {
  const headers = { "Content-Type": "application/json", "Idempotency-Key": randomUUID() };
  return call(`${URL}/api/v1/reports/generate`, { method: "POST", headers, body: request });
}

/** Waits until the report is READY, and returns it. */
async function wait(response) {
  while (["PENDING", "GENERATING"].includes(response.report.status)) {
    const { status, progress, links } = response.report;
    console.error(`${status}: ${progress.rowsDone} of ${progress.rowsExpected ?? "?"} rows`);
    await sleep(Number(response.headers.get("Retry-After") ?? 2) * 1000);
    response = await call(links.self);
  }
  const { status, error } = response.report;
  if (status !== "READY") throw new ReportError(`The report is ${status}: ${error?.detail ?? ""}`);
  return response.report;
}

/** Saves the file of the report as `path`, or each of several files as `path.format`. Returns the file names. */
async function save(report, path) {
  const saved = [];
  for (const file of report.files) {
    saved.push(report.files.length > 1 ? `${path}.${file.format.toLowerCase()}` : path);
    await download(file, saved.at(-1));
  }
  return saved;
}

/** Saves a file as `path`, which exists only once the file is complete. */
async function download(file, path) {
  const redirect = await call(file.download);
  // The presigned URL needs no key and is valid for one hour.
  const response = await fetch(redirect.headers.get("Location"));
  if (!response.ok) throw new ReportError(`The object store responded with ${response.status}. Download the file again.`);
  const sha256 = createHash("sha256");
  const hashing = new Transform({
    transform(chunk, _encoding, done) {
      sha256.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(Readable.fromWeb(response.body), hashing, createWriteStream(`${path}.part`));
  if (sha256.digest("hex") !== file.sha256) {
    throw new ReportError(`The SHA-256 of ${path}.part does not match the report. Download the file again.`);
  }
  await rename(`${path}.part`, path);
}

const [request, path] = process.argv.slice(2);
try {
  if (!request || !path) throw new ReportError("Two arguments are required: the request as JSON, and a file name.");
  for (const saved of await save(await wait(await generate(request)), path)) console.log(saved);
} catch (error) {
  const cause = error.cause ?? error; // The message of an error of `fetch` does not contain the cause.
  console.error(error instanceof ReportError ? error.message : `The report could not be saved: ${cause.message || cause.code}`);
  process.exitCode = 1;
}
