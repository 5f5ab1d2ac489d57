// Takes webhooks and verifies them. Node 18 or newer, and nothing besides.
//
//   RESMA_WEBHOOK_SECRET=whsec_… node receive_webhooks.mjs 8080
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const TOLERANCE_SECONDS = 300;
const BODY_BYTES_MAX = 1 << 20;

const SECRET = Buffer.from(process.env.RESMA_WEBHOOK_SECRET.replace(/^whsec_/, ""), "base64");

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

const server = createServer(async (request, response) => {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    if ((size += chunk.length) <= BODY_BYTES_MAX) chunks.push(chunk);
  }
  response.writeHead(size > BODY_BYTES_MAX ? 413 : take(request.headers, Buffer.concat(chunks))).end();
});
server.listen(Number(process.argv[2]), "127.0.0.1", () => console.log(`listening on port ${server.address().port}`));
