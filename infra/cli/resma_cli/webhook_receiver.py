"""A receiver of webhooks on the loopback interface, which accepts only valid signatures."""

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
class ReceivedWebhook:
    """A received webhook. If its signature is not valid, `message` is None and `refused` has the reason."""

    webhook_id: str
    message: dict[str, Any] | None
    refused: str | None = None
    is_repeated: bool = False


class WebhookInbox:
    """Verifies webhooks with all valid secrets, and stores them in the order of webhook."""

    def __init__(self) -> None:
        self._verifiers: list[Webhook] = []
        self._seen: set[str] = set()
        self.received: queue.SimpleQueue[ReceivedWebhook] = queue.SimpleQueue()

    def trust(self, *secrets: str) -> None:
        """Sets the secrets. Raises CommandFailedError if one is not a webhook secret."""
        try:
            self._verifiers = [Webhook(secret) for secret in secrets]
        except (ValueError, RuntimeError) as error:
            raise CommandFailedError(
                ExitCode.USAGE, "The value is not a webhook secret. A secret looks like whsec_…."
            ) from error

    def take(self, body: bytes, headers: dict[str, str]) -> bool:
        """Stores a webhook. Returns whether its signature and its timestamp are valid."""
        webhook_id = headers.get("webhook-id", "")[:200]
        reason = "No secret is set."
        for verifier in self._verifiers:
            try:
                message = verifier.verify(body, headers)
            except (WebhookVerificationError, ValueError) as error:
                reason = str(error)
                continue
            self.received.put(ReceivedWebhook(webhook_id, message, is_repeated=webhook_id in self._seen))
            self._seen.add(webhook_id)
            return True
        self.received.put(ReceivedWebhook(webhook_id, None, refused=reason))
        return False


@contextmanager
def receive(inbox: WebhookInbox, port: int) -> Iterator[str]:
    """Listens on the loopback interface and yields the URL. Port 0 chooses a free port.

    Raises CommandFailedError if the port is in use.
    """
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), _handler_for(inbox))
    except OSError as error:
        detail = f"Port {port} can't be used ({error.strerror}). Choose another one with `--port`, or omit the option."
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


def _handler_for(inbox: WebhookInbox) -> type[BaseHTTPRequestHandler]:
    class WebhookRequestHandler(BaseHTTPRequestHandler):
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
            """Logs nothing, because the command prints the webhooks of the inbox."""

    return WebhookRequestHandler


def describe(webhook: ReceivedWebhook) -> dict[str, Any]:
    """Returns a received webhook as JSON."""
    return {
        "webhookId": webhook.webhook_id,
        "verified": webhook.message is not None,
        "repeated": webhook.is_repeated,
        "refused": webhook.refused,
        "message": webhook.message,
    }
