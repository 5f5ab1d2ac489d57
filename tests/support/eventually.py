"""Waiting for something to become so: by asking again until a deadline, never by sleeping for a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.1
PATIENCE_SECONDS = 420
"""How long anything may take on a machine that is busy with much else: only a test that fails waits as long."""


def eventually(what: str, ask: Callable[[], T], seconds: float = PATIENCE_SECONDS) -> T:
    """Returns the first answer that is true. Raises AssertionError, with the last answer, when none is in time."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}; the last answer was {answer!r}"
        time.sleep(POLL_SECONDS)
    return answer
