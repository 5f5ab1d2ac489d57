"""Customers' servers that fail, hang, redirect, answer garbage or close without a word for a time, and then take it."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from standardwebhooks import Webhook, WebhookVerificationError

from tests.chaos.plan import Manner

TAKEN = "taken"
HANG_SECONDS = 30
"""Longer than the webhook function waits."""


@dataclass(frozen=True)
class Arrival:
    """A webhook that came, whatever became of it. `message` is None where the signature was wrong."""

    webhook_id: str
    message: dict[str, Any] | None
    treated: str


class Receivers:
    """One server of loopback; each report has a path of its own, with the manners that the plan gives it."""

    def __init__(self, secret: str) -> None:
        self._webhook = Webhook(secret)
        self._manners: dict[str, list[Manner]] = {}
        self._arrivals: dict[str, list[Arrival]] = defaultdict(list)
        self._turn = threading.Lock()
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

    def address(self, number: int, manners: tuple[Manner, ...]) -> str:
        """Returns the callback address of a report."""
        self._manners[f"/{number}"] = list(manners)
        return f"http://127.0.0.1:{self._server.server_address[1]}/{number}"

    def arrivals(self, number: int) -> list[Arrival]:
        """Returns what has come for a report, in order."""
        with self._turn:
            return list(self._arrivals[f"/{number}"])

    def take(self, path: str, body: bytes, headers: Mapping[str, str]) -> str:
        """Notes a webhook; returns how it is to be treated."""
        with self._turn:
            if path == "/trap":
                self.followed_redirects += 1
                return TAKEN
            waiting = self._manners.get(path, [])
            treated = waiting.pop(0) if waiting else TAKEN
            try:
                message: dict[str, Any] | None = self._webhook.verify(body, dict(headers))
            except WebhookVerificationError:
                message = None
            self._arrivals[path].append(Arrival(headers.get("webhook-id", ""), message, treated))
            return treated

    def hang(self) -> None:
        """Keeps a caller waiting for longer than it will."""
        self._closing.wait(HANG_SECONDS)


def _handler_for(receivers: Receivers) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            treated = receivers.take(self.path, body, {name.lower(): value for name, value in self.headers.items()})
            self.close_connection = True
            if treated == "close":
                return
            if treated == "garbage":
                self.wfile.write(b"\x00\xffRESMA? NEVER HEARD OF IT\r\n" * 50)
                return
            if treated == "hang":
                receivers.hang()
                return
            self.send_response({"fail": 500, "redirect": 307}.get(treated, 204))
            if treated == "redirect":
                self.send_header("Location", "/trap")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            """Quiet."""

    return Handler
