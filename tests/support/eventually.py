"""Waits for a condition by polling until a deadline, and never by sleeping for a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.1
PATIENCE_SECONDS = 420
"""Default deadline. It is long enough for a busy machine; only a test that fails waits that long."""


def eventually(what: str, poll: Callable[[], T], seconds: float = PATIENCE_SECONDS) -> T:
    """Polls until the result is true, and returns it. Raises AssertionError with the last result after the deadline."""
    deadline = time.monotonic() + seconds
    while not (answer := poll()):
        assert time.monotonic() < deadline, f"Not within {seconds:.0f} s: {what}. The last result was {answer!r}."
        time.sleep(POLL_SECONDS)
    return answer
