"""Receives and verifies webhooks. Requires Python 3.9 or newer and no packages.

RESMA_WEBHOOK_SECRET=whsec_… python3 receive_webhooks.py 8080
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import socket
import sys
import threading
import time
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE_SECONDS = 300
MAX_BODY_BYTES = 1 << 20
MAX_REQUEST_SECONDS = 10
MIN_SECRET_BYTES = 24


def read_secret(text: str) -> bytes:
    """Decodes the secret that signatures are computed with. With an empty secret, anyone could sign."""
    with contextlib.suppress(ValueError):
        secret = base64.b64decode(text.removeprefix("whsec_"), validate=True)
        if len(secret) >= MIN_SECRET_BYTES:
            return secret
    sys.exit("Set RESMA_WEBHOOK_SECRET to the secret of the endpoint: whsec_ and at least 24 bytes in base64.")


SECRET = read_secret(os.environ.get("RESMA_WEBHOOK_SECRET", ""))


def is_genuine(headers: Message, body: bytes) -> bool:
    """Returns whether Resma sent the webhook in the last minutes (standardwebhooks.com). `body` is the raw body."""
    webhook_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not re.fullmatch("[0-9]{1,12}", timestamp) or abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        return False  # Otherwise anyone who has seen a webhook could send it again at any time.
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
    # During a rotation there are two signatures, one of which is made with this secret.
    signatures = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(expected.encode(), signature.encode()) for signature in signatures)


seen: set[str] = set()  # Use your database: a webhook may be delivered again, also after a restart.


class Receiver(BaseHTTPRequestHandler):
    def handle(self) -> None:
        """Handles one request. A slow sender is disconnected; a sender that disconnects is not an error."""
        limit = threading.Timer(MAX_REQUEST_SECONDS, self.disconnect)
        limit.start()
        try:
            super().handle()
        except OSError as error:
            print("The request could not be read:", error, file=sys.stderr)
        finally:
            limit.cancel()

    def disconnect(self) -> None:
        with contextlib.suppress(OSError):  # The sender has already disconnected.
            self.connection.shutdown(socket.SHUT_RDWR)

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,18}", length):
            self.respond(411)
            return
        if int(length) > MAX_BODY_BYTES:
            self.respond(413)
            return
        body = self.rfile.read(int(length))
        if not is_genuine(self.headers, body):
            self.respond(401)
            return
        event_id = self.headers["webhook-id"]
        if event_id not in seen:
            seen.add(event_id)
            message = json.loads(body)
            print(event_id, message["type"], message["data"]["reportId"], message["data"]["rows"], flush=True)
        self.respond(204)  # Do the work afterwards: without a response within 20 seconds the webhook is sent again.

    def respond(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Logs no requests."""


if __name__ == "__main__":
    if len(sys.argv) != 2 or not re.fullmatch("[0-9]{1,5}", sys.argv[1]):
        sys.exit("One argument is required: a port, such as 8080.")
    try:
        server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
    except (OSError, OverflowError) as error:  # The port is in use or out of range.
        sys.exit(str(error))
    print("listening on port", server.server_port, flush=True)
    server.serve_forever()
