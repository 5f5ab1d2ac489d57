"""A customer's server: takes webhooks, checks their signatures, and answers as it is told."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from standardwebhooks import Webhook

from tests.support.eventually import PATIENCE_SECONDS, eventually


@dataclass(frozen=True)
class Arrival:
    """A webhook whose signature was right, and what it was answered."""

    webhook_id: str
    message: dict[str, Any]
    answered: int


class WebhookReceiver:
    """Listens on loopback. Each path is a customer of its own, so that tests do not see each other's webhooks."""

    def __init__(self, secret: str) -> None:
        self._webhook = Webhook(secret)
        self._answers: dict[str, deque[int]] = {}
        self._arrivals: dict[str, list[Arrival]] = defaultdict(list)
        self.refused: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self._thread = threading.Thread(target=self._server.serve_forever, name="webhook-receiver", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def customer(self, name: str, answers: Sequence[int] = ()) -> str:
        """Returns the address of a customer whose first answers are these, and 204 from then on."""
        path = f"/{name}"
        self._answers[path] = deque(answers)
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def expect(self, secret: str) -> None:
        """Verifies with another secret from now on."""
        self._webhook = Webhook(secret)

    def arrivals(self, name: str) -> list[Arrival]:
        """Returns what has come for a customer, in order."""
        return list(self._arrivals[f"/{name}"])

    def await_arrivals(self, name: str, count: int = 1, seconds: float = PATIENCE_SECONDS) -> list[Arrival]:
        """Waits until as many have come, and returns all."""
        return eventually(
            f"{count} webhooks for {name} (refused so far: {self.refused})",
            lambda: found if len(found := self.arrivals(name)) >= count else [],
            seconds,
        )

    def take(self, path: str, body: bytes, headers: dict[str, str]) -> int:
        """Takes a webhook and returns the status to answer: 401 where the signature is wrong."""
        try:
            message = self._webhook.verify(body, headers)
        except Exception as error:  # noqa: BLE001  # a test that waits for it will show it
            self.refused.append(f"{path}: {error!r}")
            return 401
        answers = self._answers.get(path) or deque()
        status = answers.popleft() if answers else 204
        self._arrivals[path].append(Arrival(headers["webhook-id"], message, status))
        return status


def _handler_for(receiver: WebhookReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status = receiver.take(self.path, body, {name.lower(): value for name, value in self.headers.items()})
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            """Quiet."""

    return Handler
