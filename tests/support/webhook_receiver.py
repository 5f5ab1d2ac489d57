"""A customer's server that receives webhooks, verifies their signatures, and responds with the statuses a test sets."""

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
class ReceivedWebhook:
    """A webhook with a valid signature, and the status of the response."""

    webhook_id: str
    message: dict[str, Any]
    status: int


class WebhookReceiver:
    """Listens on loopback. Each path belongs to one customer, so that tests do not get each other's webhooks."""

    def __init__(self, secret: str) -> None:
        self._webhook = Webhook(secret)
        self._answers: dict[str, deque[int]] = {}
        self._received: dict[str, list[ReceivedWebhook]] = defaultdict(list)
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
        """Returns the URL of a customer that responds with these statuses first, and with 204 from then on."""
        path = f"/{name}"
        self._answers[path] = deque(answers)
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def use_secret(self, secret: str) -> None:
        """Sets the secret with which later webhooks are verified."""
        self._webhook = Webhook(secret)

    def received(self, name: str) -> list[ReceivedWebhook]:
        """Returns the webhooks that a customer has received, in order."""
        return list(self._received[f"/{name}"])

    def wait_for_webhooks(self, name: str, count: int = 1, seconds: float = PATIENCE_SECONDS) -> list[ReceivedWebhook]:
        """Waits until a customer has received `count` webhooks, and returns all of them."""
        return eventually(
            f"{count} webhooks for {name} (refused so far: {self.refused})",
            lambda: webhooks if len(webhooks := self.received(name)) >= count else [],
            seconds,
        )

    def take(self, path: str, body: bytes, headers: dict[str, str]) -> int:
        """Verifies a webhook and returns the status of the response: 401 if the signature is invalid."""
        try:
            message = self._webhook.verify(body, headers)
        except Exception as error:  # noqa: BLE001  # a test that waits for the webhook prints it
            self.refused.append(f"{path}: {error!r}")
            return 401
        answers = self._answers.get(path) or deque()
        status = answers.popleft() if answers else 204
        self._received[path].append(ReceivedWebhook(headers["webhook-id"], message, status))
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
            """Suppresses the log line of each request."""

    return Handler
