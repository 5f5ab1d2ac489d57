"""When a job comes again that could not be finished."""

from __future__ import annotations

import random
import time

from resma.errors import ResmaError
from resma.jobs.claim import MAX_ATTEMPTS, describe_error

FIRST_PAUSE_SECONDS = 5
"""Pause before the second attempt; doubled before each further one."""

MAX_PAUSE_SECONDS = 150

SAME_OUTAGE_SECONDS = 300
"""A failure that long after the one before it begins another outage: no job that waits is hidden for longer."""


class JobPostponedError(ResmaError):
    """The job is PENDING again, and its message shall come again after a pause. `code` is the attempt's error's."""

    def __init__(self, seconds: float, cause: Exception) -> None:
        super().__init__(f"the job is tried again in {seconds:.0f} s")
        self.seconds = seconds
        self.code = describe_error(cause)["code"]
        self.reason = describe_error(cause)["detail"]


def retry_seconds(attempt: int, attempts_allowed: int) -> float:
    """Returns the pause after an attempt that has failed by itself: 5 s, 10 s, with jitter of 20 %."""
    failed = max(1, MAX_ATTEMPTS - (attempts_allowed - attempt))
    return float(FIRST_PAUSE_SECONDS * 2 ** (failed - 1) * random.uniform(1, 1.2))  # noqa: S311  # no secret


class FailuresToBegin:
    """Since when this process has not been able to begin any job, as while the system's database is unavailable.

    Kept by the process, because what is unavailable can't record it. Receives of a message would not do: they also
    count duplicates, continuations and outages that are long over.
    """

    def __init__(self) -> None:
        self._first = self._last = float("-inf")

    def record(self) -> float:
        """Records a failure; returns the pause: as long as the outage so far, from 5 s to 150 s.

        With jitter of a quarter, so that jobs that wait for the same thing do not all come at once.
        """
        now = time.time()  # a frozen process must notice how long it was frozen
        if not 0 <= now - self._last < SAME_OUTAGE_SECONDS:
            self._first = now
        self._last = now
        pause = min(MAX_PAUSE_SECONDS, max(FIRST_PAUSE_SECONDS, now - self._first))
        return float(pause * random.uniform(1, 1.25))  # noqa: S311  # no secret

    def clear(self) -> None:
        """Records that a job could be begun, or was found to need no worker."""
        self._last = float("-inf")
