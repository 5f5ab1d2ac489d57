"""One signed POST (Standard Webhooks, standardwebhooks.com, sections "Signature scheme" and "Webhook headers")."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from datetime import UTC, datetime

import urllib3
from standardwebhooks import Webhook

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 20.0
"""A receiver has this long for everything: longer than any should need, shorter than the function's own limit."""

# No retries and no redirects: an attempt is one request to the address that was given, and its outcome is on record.
_pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=TOTAL_SECONDS))


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended: a status code, or an error in words. `milliseconds` until then."""

    status_code: int | None
    error: str | None
    milliseconds: int

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver took it: any 2xx."""
        return self.status_code is not None and 200 <= self.status_code < 300


def post_signed(url: str, event_id: str, body: str, secret: str) -> Outcome:
    """POSTs `body`, signed for `event_id` and this moment. Never raises; what the receiver answers is not read."""
    now = datetime.now(UTC)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Resma-Webhook/1",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(event_id, now, body),
    }
    started = time.monotonic()
    # A time-out of urllib3 counts from byte to byte, so a receiver that drips could hold us: the whole has a limit too.
    executor = ThreadPoolExecutor(1, thread_name_prefix="webhook")
    try:
        status, error = executor.submit(_post, url, body.encode(), headers).result(TOTAL_SECONDS), None
    except FutureTimeoutError:
        status, error = None, f"no answer within {TOTAL_SECONDS:.0f} s"
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as cause:
        status, error = None, f"the receiver can't be reached ({type(cause).__name__})"
    finally:
        executor.shutdown(wait=False)
    return Outcome(status, error, round((time.monotonic() - started) * 1000))


def _post(url: str, body: bytes, headers: dict[str, str]) -> int:
    response = _pool.request("POST", url, body=body, headers=headers, redirect=False, preload_content=False)
    try:
        return response.status
    finally:
        response.close()
