"""Webhook receivers that first fail, hang, redirect, answer garbage or close the connection, and then accept."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from standardwebhooks import Webhook, WebhookVerificationError

from tests.chaos.plan import Behavior

ACCEPTED = "accepted"
HANG_SECONDS = 30
"""How long a receiver hangs: longer than the webhook function waits."""


@dataclass(frozen=True)
class ReceivedWebhook:
    """A request that a receiver got, and its behavior. `message` is None if the signature was wrong."""

    webhook_id: str
    message: dict[str, Any] | None
    behavior: str


class FaultyReceivers:
    """An HTTP server on the loopback interface. Each report has its own path, with the behaviors of the plan."""

    def __init__(self, secret: str) -> None:
        self._webhook = Webhook(secret)
        self._behaviors: dict[str, list[Behavior]] = {}
        self._webhooks: dict[str, list[ReceivedWebhook]] = defaultdict(list)
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self.followed_redirects = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        threading.Thread(target=self._server.serve_forever, name="receivers", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def callback_url(self, number: int, behaviors: tuple[Behavior, ...]) -> str:
        """Returns the callback URL of a report."""
        self._behaviors[f"/{number}"] = list(behaviors)
        return f"http://127.0.0.1:{self._server.server_address[1]}/{number}"

    def webhooks(self, number: int) -> list[ReceivedWebhook]:
        """Returns the requests for a report, in the order in which they came."""
        with self._lock:
            return list(self._webhooks[f"/{number}"])

    def record(self, path: str, body: bytes, headers: Mapping[str, str]) -> str:
        """Records a webhook; returns the behavior to respond with."""
        with self._lock:
            if path == "/trap":
                self.followed_redirects += 1
                return ACCEPTED
            planned = self._behaviors.get(path, [])
            behavior = planned.pop(0) if planned else ACCEPTED
            try:
                message: dict[str, Any] | None = self._webhook.verify(body, dict(headers))
            except WebhookVerificationError:
                message = None
            self._webhooks[path].append(ReceivedWebhook(headers.get("webhook-id", ""), message, behavior))
            return behavior

    def hang(self) -> None:
        """Blocks for longer than a caller waits."""
        self._closing.wait(HANG_SECONDS)


def _handler_for(receivers: FaultyReceivers) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            behavior = receivers.record(self.path, body, {name.lower(): value for name, value in self.headers.items()})
            self.close_connection = True
            if behavior == "close":
                return
            if behavior == "garbage":
                self.wfile.write(b"\x00\xffTHIS IS NOT HTTP\r\n" * 50)
                return
            if behavior == "hang":
                receivers.hang()
                return
            self.send_response({"fail": 500, "redirect": 307}.get(behavior, 204))
            if behavior == "redirect":
                self.send_header("Location", "/trap")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            """Logs nothing."""

    return Handler
