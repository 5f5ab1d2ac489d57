// Takes webhooks and verifies them. Node 18 or newer, and nothing besides.
//
//   RESMA_WEBHOOK_SECRET=whsec_… node receive_webhooks.mjs 8080
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const TOLERANCE_SECONDS = 300;
const BODY_BYTES_MAX = 1 << 20;
const REQUEST_MS_MAX = 10_000;
const SECRET_BYTES_MIN = 24;

const SECRET = readSecret(process.env.RESMA_WEBHOOK_SECRET ?? "");

/** The key that signatures are made with. With an empty one anybody could make them. */
function readSecret(text) {
  const encoded = text.replace(/^whsec_/, "");
  const secret = Buffer.from(encoded, "base64"); // which passes over what is no base64
  if (secret.length >= SECRET_BYTES_MIN && secret.toString("base64") === encoded) return secret;
  console.error("set RESMA_WEBHOOK_SECRET to the endpoint's secret, whsec_ and at least 24 bytes in base64");
  process.exit(1);
}

/** Whether a webhook is Resma's and new: standardwebhooks.com. `body` is as it came, before it is parsed. */
function isGenuine(headers, body) {
  const timestamp = headers["webhook-timestamp"] ?? "";
  if (!/^\d+$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) {
    return false; // or whoever has seen one could send it again for ever
  }
  const hmac = createHmac("sha256", SECRET).update(`${headers["webhook-id"]}.${timestamp}.`).update(body);
  const expected = Buffer.from(`v1,${hmac.digest("base64")}`);
  // During a rotation there are two: one of them is ours.
  return (headers["webhook-signature"] ?? "").split(" ").some((signature) => {
    const given = Buffer.from(signature);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

const seen = new Set(); // in your database: the same webhook may come again, also after a restart

/** Takes a webhook; returns the status to answer. */
function take(headers, body) {
  if (!isGenuine(headers, body)) return 401;
  const id = headers["webhook-id"];
  if (!seen.has(id)) {
    seen.add(id);
    const { type, data } = JSON.parse(body);
    console.log(`${id} ${type} ${data.reportId} ${data.rows}`);
  }
  return 204; // then do the work: an answer that takes over 20 seconds is sent again
}

/** Reads a request's body, and no more of it than is wanted; returns the status to answer. */
async function read(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    if ((size += chunk.length) <= BODY_BYTES_MAX) chunks.push(chunk);
  }
  return size > BODY_BYTES_MAX ? 413 : take(request.headers, Buffer.concat(chunks));
}

const port = process.argv[2] ?? "";
if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) {
  console.error("name a port, like 8080");
  process.exit(1);
}
const limits = { requestTimeout: REQUEST_MS_MAX, headersTimeout: REQUEST_MS_MAX, connectionsCheckingInterval: 1000 };
const server = createServer(limits, (request, response) => {
  read(request).then(
    (status) => response.writeHead(status).end(),
    (error) => {
      console.error(`a request was not taken: ${error.message}`); // whoever sent it has hung up, or was too slow
      response.destroy();
    },
  );
});
server.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
server.listen(Number(port), "127.0.0.1", () => console.log(`listening on port ${server.address().port}`));
