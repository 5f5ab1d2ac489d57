"""Takes webhooks and verifies them. Python 3.9 or newer, and nothing besides.

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
SECRET_BYTES_MIN = 24


def read_secret(text: str) -> bytes:
    """The key that signatures are made with. With an empty one anybody could make them."""
    with contextlib.suppress(ValueError):
        secret = base64.b64decode(text.removeprefix("whsec_"), validate=True)
        if len(secret) >= SECRET_BYTES_MIN:
            return secret
    sys.exit("set RESMA_WEBHOOK_SECRET to the endpoint's secret, whsec_ and at least 24 bytes in base64")


SECRET = read_secret(os.environ.get("RESMA_WEBHOOK_SECRET", ""))


def is_genuine(headers: Message, body: bytes) -> bool:
    """Whether a webhook is Resma's and new: standardwebhooks.com. `body` is as it came, before it is parsed."""
    webhook_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not re.fullmatch("[0-9]{1,12}", timestamp) or abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        return False  # or whoever has seen one could send it again for ever
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
    # During a rotation there are two: one of them is ours.
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(expected.encode(), signature.encode()) for signature in given)


seen: set[str] = set()  # in your database: the same webhook may come again, also after a restart


class Receiver(BaseHTTPRequestHandler):
    def handle(self) -> None:
        """Takes one request. Who is slow with it is cut off, and who hangs up is no error."""
        limit = threading.Timer(MAX_REQUEST_SECONDS, self.cut_off)
        limit.start()
        try:
            super().handle()
        except OSError as error:
            print("a request was not taken:", error, file=sys.stderr)
        finally:
            limit.cancel()

    def cut_off(self) -> None:
        with contextlib.suppress(OSError):  # it has gone by itself
            self.connection.shutdown(socket.SHUT_RDWR)

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,18}", length):
            self.answer(411)
            return
        if int(length) > MAX_BODY_BYTES:
            self.answer(413)
            return
        body = self.rfile.read(int(length))
        if not is_genuine(self.headers, body):
            self.answer(401)
            return
        event_id = self.headers["webhook-id"]
        if event_id not in seen:
            seen.add(event_id)
            message = json.loads(body)
            print(event_id, message["type"], message["data"]["reportId"], message["data"]["rows"], flush=True)
        self.answer(204)  # then do the work: an answer that takes over 20 seconds is sent again

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Quiet."""


if __name__ == "__main__":
    if len(sys.argv) != 2 or not re.fullmatch("[0-9]{1,5}", sys.argv[1]):
        sys.exit("name a port, like 8080")
    try:
        server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
    except (OSError, OverflowError) as error:  # the port is taken, or is none
        sys.exit(str(error))
    print("listening on port", server.server_port, flush=True)
    server.serve_forever()
