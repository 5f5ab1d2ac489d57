// Asks for a report, waits for it, and saves it once its SHA-256 is right. Node 18 or newer, and nothing besides.
//
//   RESMA_URL=https://reports.example.com RESMA_KEY=rsm_… \
//   node ask_and_download.mjs '{"type": "TRANSACTIONS", "format": "CSV"}' transactions.csv
import { createHash, randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rename } from "node:fs/promises";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";

const URL = process.env.RESMA_URL ?? "http://localhost:3008";
const KEY = process.env.RESMA_KEY; // `make up` takes requests of its own machine without one
const TRIES = 5;
const LONGEST_PAUSE_SECONDS = 60;

/** The API will not do it, or the report has failed; the message says why. */
class Refused extends Error {}

/** Calls the API, again where that may help; returns the answer, with its JSON as `report`. */
async function call(address, options = {}) {
  const headers = { ...options.headers, ...(KEY && { Authorization: `Bearer ${KEY}` }) };
  for (let triesLeft = TRIES - 1; ; triesLeft--) {
    let pause = 2;
    try {
      // No redirect is followed here: the key must not go where the file is.
      const answer = await fetch(address, { ...options, headers, redirect: "manual", signal: AbortSignal.timeout(60_000) });
      if (answer.status === 303) return answer;
      const text = await answer.text();
      if (answer.ok) return Object.assign(answer, { report: JSON.parse(text) });
      const mayPass = answer.status === 429 || answer.status >= 500 || answer.headers.has("Retry-After");
      pause = Number(answer.headers.get("Retry-After") ?? pause);
      if (!mayPass || !triesLeft || pause > LONGEST_PAUSE_SECONDS) throw new Refused(explain(answer.status, text));
    } catch (error) {
      if (error instanceof Refused || !triesLeft) throw error;
    }
    await sleep(pause * 1000);
  }
}

/** Puts a problem (RFC 9457) into words; a gateway's answer may be none. */
function explain(status, text) {
  try {
    const problem = JSON.parse(text);
    const faults = (problem.errors ?? []).map((fault) => `\n  ${fault.pointer}: ${fault.detail}`);
    return `${status} ${problem.title}: ${problem.detail}${faults.join("")}`;
  } catch {
    return `${status}`;
  }
}

/** Asks for a report. Sent again with the same Idempotency-Key, a request is still one report. */
function ask(wanted) {
  const headers = { "Content-Type": "application/json", "Idempotency-Key": randomUUID() };
  return call(`${URL}/api/v1/reports/generate`, { method: "POST", headers, body: wanted });
}

/** Waits until the report is READY, and returns it. */
async function wait(answer) {
  while (["PENDING", "GENERATING"].includes(answer.report.status)) {
    const { status, progress, links } = answer.report;
    console.error(`${status} ${progress.rowsDone} of ${progress.rowsExpected ?? "?"} rows`);
    await sleep(Number(answer.headers.get("Retry-After") ?? 2) * 1000);
    answer = await call(links.self);
  }
  const { status, error } = answer.report;
  if (status !== "READY") throw new Refused(`the report is ${status}: ${error?.detail ?? ""}`);
  return answer.report;
}

/** Saves the report's file under `path`; of several, each with its format at its name's end. Returns their names. */
async function save(report, path) {
  const saved = [];
  for (const file of report.files) {
    saved.push(report.files.length > 1 ? `${path}.${file.format.toLowerCase()}` : path);
    await download(file, saved.at(-1));
  }
  return saved;
}

/** Saves a file under `path`, where it only appears if it is whole. */
async function download(file, path) {
  const redirect = await call(file.download);
  // The address is its own credential, good for an hour.
  const answer = await fetch(redirect.headers.get("Location"));
  if (!answer.ok) throw new Refused(`the file's address answered ${answer.status}`);
  const sha256 = createHash("sha256");
  const hashing = new Transform({
    transform(chunk, _encoding, done) {
      sha256.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(Readable.fromWeb(answer.body), hashing, createWriteStream(`${path}.part`));
  if (sha256.digest("hex") !== file.sha256) {
    throw new Refused(`${path}.part is not the file that the report describes: its SHA-256 differs`);
  }
  await rename(`${path}.part`, path);
}

const [wanted, path] = process.argv.slice(2);
try {
  if (!wanted || !path) throw new Refused("give a request in JSON, and a name for the file");
  for (const saved of await save(await wait(await ask(wanted)), path)) console.log(saved);
} catch (error) {
  const why = error.cause ?? error; // `fetch` keeps to itself what it was
  console.error(error instanceof Refused ? error.message : `it can't be done: ${why.message || why.code}`);
  process.exitCode = 1;
}
