"""Pauses between the attempts to send something to a receiver of a tenant: a webhook, or a file."""

from __future__ import annotations

import random
from datetime import timedelta

BACKOFF = tuple(
    timedelta(seconds=seconds)
    for seconds in (30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600, 24 * 3600)
)
"""Pauses after failed attempts: eleven attempts over three days, as Standard Webhooks recommends."""


def pause_after(attempts: int) -> timedelta:
    """Returns the pause after a number of attempts, with a jitter of 20 % so that attempts do not arrive at once."""
    pause = BACKOFF[min(attempts, len(BACKOFF)) - 1]
    return pause * random.uniform(1, 1.2)  # noqa: S311  # not used for security
