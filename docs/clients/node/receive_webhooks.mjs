// Receives and verifies webhooks. Requires Node 18 or newer and no packages.
//
//   RESMA_WEBHOOK_SECRET=whsec_… node receive_webhooks.mjs 8080
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const TOLERANCE_SECONDS = 300;
const MAX_BODY_BYTES = 1 << 20;
const MAX_REQUEST_MS = 10_000;
const MIN_SECRET_BYTES = 24;

const SECRET = readSecret(process.env.RESMA_WEBHOOK_SECRET ?? "");

/** Decodes the secret that signatures are computed with. With an empty secret, anyone could sign. */
function readSecret(text) {
  const encoded = text.replace(/^whsec_/, "");
  const secret = Buffer.from(encoded, "base64"); // Invalid characters are skipped, which the comparison below detects.
  if (secret.length >= MIN_SECRET_BYTES && secret.toString("base64") === encoded) return secret;
  console.error("Set RESMA_WEBHOOK_SECRET to the secret of the endpoint: whsec_ and at least 24 bytes in base64.");
  process.exit(1);
}

/** Returns whether Resma sent the webhook in the last minutes (standardwebhooks.com). `body` is the raw body. */
function isGenuine(headers, body) {
  const timestamp = headers["webhook-timestamp"] ?? "";
  if (!/^\d+$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) {
    return false; // Otherwise anyone who has seen a webhook could send it again at any time.
  }
  const hmac = createHmac("sha256", SECRET).update(`${headers["webhook-id"]}.${timestamp}.`).update(body);
  const expected = Buffer.from(`v1,${hmac.digest("base64")}`);
  // During a rotation there are two signatures, one of which is made with this secret.
  return (headers["webhook-signature"] ?? "").split(" ").some((text) => {
    const signature = Buffer.from(text);
    return signature.length === expected.length && timingSafeEqual(signature, expected);
  });
}

const seen = new Set(); // Use your database: a webhook may be delivered again, also after a restart.

/** Handles a webhook. Returns the status of the response. */
function handle(headers, body) {
  if (!isGenuine(headers, body)) return 401;
  const id = headers["webhook-id"];
  if (!seen.has(id)) {
    seen.add(id);
    const { type, data } = JSON.parse(body);
    console.log(`${id} ${type} ${data.reportId} ${data.rows}`);
  }
  return 204; // Do the work afterwards: without a response within 20 seconds the webhook is sent again.
}

/** Reads the body of a request, up to the maximum size. Returns the status of the response. */
async function read(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    if ((size += chunk.length) <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return size > MAX_BODY_BYTES ? 413 : handle(request.headers, Buffer.concat(chunks));
}

const port = process.argv[2] ?? "";
if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) {
  console.error("One argument is required: a port, such as 8080.");
  process.exit(1);
}
const limits = { requestTimeout: MAX_REQUEST_MS, headersTimeout: MAX_REQUEST_MS, connectionsCheckingInterval: 1000 };
const server = createServer(limits, (request, response) => {
  read(request).then(
    (status) => response.writeHead(status).end(),
    (error) => {
      console.error(`The request could not be read: ${error.message}`); // The sender disconnected or was too slow.
      response.destroy();
    },
  );
});
server.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
server.listen(Number(port), "127.0.0.1", () => console.log(`listening on port ${server.address().port}`));
