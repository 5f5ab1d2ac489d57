"""One signed POST request (Standard Webhooks, standardwebhooks.com, "Signature scheme" and "Webhook headers").

An attempt is a single request to the given URL, without redirects, proxies and retries. http.client does exactly this,
and needs so few methods of a socket that each wait can be limited to the time that is left.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import math
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import BinaryIO

from standardwebhooks import Webhook

from resma.network.connect import Deadline, Network, StepTimeoutError
from resma.request_errors import WebhookUrlNotAllowedError
from resma.webhooks.url import WebhookUrl, parse_webhook_url
from webhook.connect_checked import connect_checked

TOTAL_SECONDS = 20.0
"""Timeout of an attempt: more than a receiver should need, and less than the function's timeout."""

DRAIN_SECONDS = 1.0
"""How long the body of a response is read, so that the receiver can finish sending it."""

MAX_RESPONSE_BYTES = 64 * 1024
"""Maximum size of a response that is read, including headers. The body is discarded."""

MAX_RETRY_AFTER_SECONDS = 24 * 3600
"""Maximum Retry-After of a receiver that is respected: the longest pause between two attempts."""

_STATUS_WITH_RETRY_AFTER = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_MAX_DIGITS = 9


@dataclass(frozen=True)
class AttemptResult:
    """Result of an attempt: a status code or an error message, and its duration."""

    status_code: int | None
    error: str | None
    milliseconds: int
    retry_after_seconds: int | None = None
    """Retry-After of a response with status 429 or 503."""

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver responded with a 2xx status."""
        return self.status_code is not None and 200 <= self.status_code < 300


def post_signed(url: str, event_id: str, body: str, secrets: Sequence[str], network: Network) -> AttemptResult:
    """Sends `body` in a POST request, signed with each of `secrets` for `event_id` and the current time.

    Errors of the receiver are returned in the result. Raises an error of standardwebhooks for an invalid secret.
    """
    now = datetime.now(UTC)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Resma-Webhook/1",
        "Connection": "close",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(event_id, now, body) for secret in secrets),
    }
    started = time.monotonic()
    status, error, wait = None, None, None
    try:
        parsed = parse_webhook_url(url, network.receivers)
        status, retry_after = _post(parsed, network, body.encode(), headers)
        if status in _STATUS_WITH_RETRY_AFTER and retry_after is not None:
            wait = read_retry_after(retry_after, datetime.now(UTC))
    except (WebhookUrlNotAllowedError, OSError, http.client.HTTPException) as cause:
        error = _describe(cause)
    return AttemptResult(status, error, round((time.monotonic() - started) * 1000), wait)


def read_retry_after(text: str, now: datetime) -> int | None:
    """Returns the seconds of a Retry-After header (RFC 9110, section 10.2.3), or None if it is not valid.

    The header is a number of seconds or a date. The result is at most MAX_RETRY_AFTER_SECONDS, because receivers can
    send any value.
    """
    text = text.strip()
    if text.isascii() and text.isdigit():
        seconds = float(text) if len(text) <= _MAX_DIGITS else MAX_RETRY_AFTER_SECONDS
    else:
        try:
            at = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError, OverflowError):  # the header can have any value
            return None
        # HTTP dates are always in GMT, so a date without a zone is in UTC.
        seconds = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()
    return max(0, min(math.ceil(seconds), MAX_RETRY_AFTER_SECONDS))


def _post(url: WebhookUrl, network: Network, body: bytes, headers: dict[str, str]) -> tuple[int, str | None]:
    """Returns the status code and the Retry-After header of the response."""
    deadline = Deadline.after(TOTAL_SECONDS)
    with connect_checked(url, network, deadline) as connection:
        limited = _DeadlineSocket(connection, deadline)
        exchange = http.client.HTTPConnection(url.host, url.port)
        # The Host header omits the default port.
        exchange.default_port = 443 if url.is_https else 80
        exchange.sock = limited
        exchange.request("POST", url.target, body, headers)
        response = exchange.getresponse()
        limited.deadline = Deadline(min(deadline.at, Deadline.after(DRAIN_SECONDS).at))
        with contextlib.suppress(OSError, http.client.HTTPException):
            while response.read(4096):
                pass
        return response.status, response.headers.get("Retry-After")


def _describe(cause: Exception) -> str:
    """Returns an error message for the operator of the receiver. It contains no part of the response."""
    match cause:
        case WebhookUrlNotAllowedError() | StepTimeoutError():
            return str(cause)
        case TimeoutError():
            return f"The receiver did not respond within {TOTAL_SECONDS:.0f} s."
        case ssl.SSLCertVerificationError():
            return f"The certificate of the receiver cannot be verified: {cause.verify_message}."
        case _ResponseTooLargeError():
            return f"The headers of the response have more than {MAX_RESPONSE_BYTES} bytes."
        case http.client.HTTPException():
            return f"The response is not valid HTTP ({type(cause).__name__})."
    return f"The receiver cannot be reached ({type(cause).__name__})."


class _ResponseTooLargeError(http.client.HTTPException):
    """The response is larger than MAX_RESPONSE_BYTES."""


class _DeadlineSocket:
    """The methods of a socket that http.client needs. Every wait ends at the deadline.

    The timeout of a socket is not enough, because it restarts with each byte of a slow receiver.
    """

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._connection = connection
        self.deadline = deadline

    def sendall(self, data: bytes) -> None:
        """Sends all data."""
        rest = memoryview(data)
        while rest:
            self._connection.settimeout(self.deadline.left())
            rest = rest[self._connection.send(rest) :]

    def receive_into(self, buffer: memoryview) -> int:
        """Waits for data once, and returns the number of bytes that were received."""
        self._connection.settimeout(self.deadline.left())
        return self._connection.recv_into(buffer)

    def makefile(self, _mode: str) -> BinaryIO:
        """Returns the stream from which http.client reads the response."""
        return io.BufferedReader(_ResponseStream(self))

    def close(self) -> None:
        """Does nothing, because http.client calls it before it has read the body of a response."""


class _ResponseStream(io.RawIOBase):
    """The bytes of a response, up to MAX_RESPONSE_BYTES."""

    def __init__(self, source: _DeadlineSocket) -> None:
        self._source = source
        self._bytes_left = MAX_RESPONSE_BYTES

    def readable(self) -> bool:
        """Returns True, which BufferedReader requires."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed accepts any buffer
        """Reads into the buffer. Raises _ResponseTooLargeError after MAX_RESPONSE_BYTES."""
        if self._bytes_left <= 0:
            raise _ResponseTooLargeError
        count = self._source.receive_into(buffer)
        self._bytes_left -= count
        return count
