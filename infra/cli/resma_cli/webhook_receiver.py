"""A receiver of webhooks on this machine's loopback: takes what is signed right, refuses the rest."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from resma_cli.exit_codes import CommandFailedError, ExitCode

MAX_BODY_BYTES = 1 << 20
PATH = "/resma"


@dataclass(frozen=True)
class Arrival:
    """What came. Without `message` its signature was wrong, and `refused` says how; nothing else of it is kept then."""

    webhook_id: str
    message: dict[str, Any] | None
    refused: str | None = None
    is_repeated: bool = False


class Inbox:
    """Verifies what arrives, with all secrets that are valid, and keeps it in order."""

    def __init__(self) -> None:
        self._verifiers: list[Webhook] = []
        self._seen: set[str] = set()
        self.arrivals: queue.SimpleQueue[Arrival] = queue.SimpleQueue()

    def trust(self, *secrets: str) -> None:
        """Takes what is signed with one of these. Raises CommandFailedError for what is no secret."""
        try:
            self._verifiers = [Webhook(secret) for secret in secrets]
        except (ValueError, RuntimeError) as error:
            raise CommandFailedError(ExitCode.USAGE, "that is no webhook secret: one looks like whsec_…") from error

    def take(self, body: bytes, headers: dict[str, str]) -> bool:
        """Takes a webhook; returns whether its signature is right and its time is now."""
        webhook_id = headers.get("webhook-id", "")[:200]
        why = "no secret is known"
        for verifier in self._verifiers:
            try:
                message = verifier.verify(body, headers)
            except (WebhookVerificationError, ValueError) as error:
                why = str(error)
                continue
            self.arrivals.put(Arrival(webhook_id, message, is_repeated=webhook_id in self._seen))
            self._seen.add(webhook_id)
            return True
        self.arrivals.put(Arrival(webhook_id, None, refused=why))
        return False


@contextmanager
def receive(inbox: Inbox, port: int) -> Iterator[str]:
    """Listens on loopback, on a free port where it is 0; gives the address.

    Raises CommandFailedError where it is taken.
    """
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), _handler_for(inbox))
    except OSError as error:
        detail = f"port {port} can't be listened on ({error.strerror}): choose another with --port, or leave it out"
        raise CommandFailedError(ExitCode.FAILED, detail) from error
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="webhooks", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}{PATH}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler_for(inbox: Inbox) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not (length.isascii() and length.isdecimal()) or int(length) > MAX_BODY_BYTES:
                self._answer(413)
                return
            body = self.rfile.read(int(length))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._answer(204 if self.path == PATH and inbox.take(body, headers) else 401)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            """Quiet: what arrives is printed by whoever takes it from the inbox."""

    return Handler


def describe(arrival: Arrival) -> dict[str, Any]:
    """An arrival as JSON, one line of it."""
    return {
        "webhookId": arrival.webhook_id,
        "verified": arrival.message is not None,
        "repeated": arrival.is_repeated,
        "refused": arrival.refused,
        "message": arrival.message,
    }
