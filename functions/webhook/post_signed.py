"""One signed POST (Standard Webhooks, standardwebhooks.com, sections "Signature scheme" and "Webhook headers").

An attempt is one request to the address that was given: no redirects, no proxies, no retries. http.client does no more
than that; what it asks of a socket is so little that each wait can be cut to what is left of the attempt's time.
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

from resma.errors import WebhookUrlNotAllowedError
from resma.webhooks.url import WebhookUrl, parse_webhook_url
from webhook.connect_checked import Deadline, Network, StepTimeoutError, connect_checked

TOTAL_SECONDS = 20.0
"""A receiver has this long for everything: longer than any should need, shorter than the function's own limit."""

DRAIN_SECONDS = 1.0
"""How long what comes after an answer's status is read, so that the receiver can finish its sentence."""

MAX_RESPONSE_BYTES = 64 * 1024
"""An answer is read so far, headers included, and thrown away."""

MAX_RETRY_AFTER_SECONDS = 24 * 3600
"""A receiver can put off the next attempt for as long as the longest pause between two attempts, and no longer."""

_SAYS_WHEN = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_MAX_DIGITS = 9


@dataclass(frozen=True)
class AttemptResult:
    """How an attempt ended: a status code, or an error in words. `milliseconds` until then."""

    status_code: int | None
    error: str | None
    milliseconds: int
    retry_after_seconds: int | None = None
    """How long the receiver asks to wait before the next attempt (Retry-After of a 429 or 503)."""

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver took it: any 2xx."""
        return self.status_code is not None and 200 <= self.status_code < 300


def post_signed(url: str, event_id: str, body: str, secrets: Sequence[str], network: Network) -> AttemptResult:
    """POSTs `body`, signed for `event_id` and this moment with each of `secrets`.

    A receiver's faults are an AttemptResult. Raises where `secrets` are none.
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
        address = parse_webhook_url(url, network.receivers)
        status, retry_after = _post(address, network, body.encode(), headers)
        if status in _SAYS_WHEN and retry_after is not None:
            wait = read_retry_after(retry_after, datetime.now(UTC))
    except (WebhookUrlNotAllowedError, OSError, http.client.HTTPException) as cause:
        error = _describe(cause)
    return AttemptResult(status, error, round((time.monotonic() - started) * 1000), wait)


def read_retry_after(text: str, now: datetime) -> int | None:
    """Seconds from now that a Retry-After header asks to wait (RFC 9110, section 10.2.3); None where it is not valid.

    The header is a number of seconds or a date. Both are the receiver's, so the answer is kept within
    MAX_RETRY_AFTER_SECONDS.
    """
    text = text.strip()
    if text.isascii() and text.isdigit():
        seconds = float(text) if len(text) <= _MAX_DIGITS else MAX_RETRY_AFTER_SECONDS
    else:
        try:
            at = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError, OverflowError):  # whatever somebody may write there
            return None
        # A date without a zone is in UTC: an HTTP date is always GMT.
        seconds = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()
    return max(0, min(math.ceil(seconds), MAX_RETRY_AFTER_SECONDS))


def _post(address: WebhookUrl, network: Network, body: bytes, headers: dict[str, str]) -> tuple[int, str | None]:
    """Returns the answer's status code and its Retry-After header."""
    deadline = Deadline.after(TOTAL_SECONDS)
    with connect_checked(address, network, deadline) as connection:
        waits = _Waits(connection, deadline)
        exchange = http.client.HTTPConnection(address.host, address.port)
        # Decides whether the Host header names the port.
        exchange.default_port = 443 if address.is_https else 80
        exchange.sock = waits
        exchange.request("POST", address.target, body, headers)
        response = exchange.getresponse()
        waits.deadline = Deadline(min(deadline.at, Deadline.after(DRAIN_SECONDS).at))
        with contextlib.suppress(OSError, http.client.HTTPException):
            while response.read(4096):
                pass
        return response.status, response.headers.get("Retry-After")


def _describe(cause: Exception) -> str:
    """For whoever looks after the receiver: what to mend, and nothing of what answered instead."""
    match cause:
        case WebhookUrlNotAllowedError() | StepTimeoutError():
            return str(cause)
        case TimeoutError():
            return f"no answer within {TOTAL_SECONDS:.0f} s"
        case ssl.SSLCertVerificationError():
            return f"the receiver's certificate can't be trusted: {cause.verify_message}"
        case _ResponseTooLargeError():
            return f"the answer's headers have more than {MAX_RESPONSE_BYTES} bytes"
        case http.client.HTTPException():
            return f"the answer is not HTTP ({type(cause).__name__})"
    return f"the receiver can't be reached ({type(cause).__name__})"


class _ResponseTooLargeError(http.client.HTTPException):
    """More than is read of any answer."""


class _Waits:
    """As much of a socket as http.client asks for. Every wait ends with the deadline.

    Not the socket's own time-out: that begins anew with each byte of a receiver that drips.
    """

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._connection = connection
        self.deadline = deadline

    def sendall(self, data: bytes) -> None:
        """Sends the request."""
        rest = memoryview(data)
        while rest:
            self._connection.settimeout(self.deadline.left())
            rest = rest[self._connection.send(rest) :]

    def receive_into(self, buffer: memoryview) -> int:
        """Waits once, and returns how many bytes have come."""
        self._connection.settimeout(self.deadline.left())
        return self._connection.recv_into(buffer)

    def makefile(self, _mode: str) -> BinaryIO:
        """What the answer is read from."""
        return io.BufferedReader(_ResponseStream(self))

    def close(self) -> None:
        """Nothing: http.client calls it before it has read an answer's body."""


class _ResponseStream(io.RawIOBase):
    """The bytes of an answer, up to MAX_RESPONSE_BYTES."""

    def __init__(self, waits: _Waits) -> None:
        self._waits = waits
        self._bytes_left = MAX_RESPONSE_BYTES

    def readable(self) -> bool:
        """As a BufferedReader wants to know."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any buffer, it says
        """Raises _ResponseTooLargeError."""
        if self._bytes_left <= 0:
            raise _ResponseTooLargeError
        count = self._waits.receive_into(buffer)
        self._bytes_left -= count
        return count
