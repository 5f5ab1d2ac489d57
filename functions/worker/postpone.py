"""Pauses before a job that could not be finished is tried again."""

from __future__ import annotations

import random
import time

from resma.errors import ResmaError
from resma.jobs.claim import MAX_ATTEMPTS, describe_error

FIRST_PAUSE_SECONDS = 5
"""Pause before the second attempt. It doubles before each further attempt."""

MAX_PAUSE_SECONDS = 150
"""Maximum pause after a failure to start a job, without jitter."""

SAME_OUTAGE_SECONDS = 300
"""A failure this long after the previous one belongs to another outage. No message of a job is hidden for longer."""


class JobPostponedError(ResmaError):
    """The job is PENDING again, and its message must be delivered again after a pause. `code` is that of the cause."""

    def __init__(self, seconds: float, cause: Exception) -> None:
        super().__init__(f"The job is tried again in {seconds:.0f} s.")
        self.seconds = seconds
        self.code = describe_error(cause)["code"]
        self.reason = describe_error(cause)["detail"]


def retry_seconds(attempt: int, attempts_allowed: int) -> float:
    """Returns the pause in seconds after an attempt that failed without an outage: 5, 10, plus up to 20 % jitter."""
    failed = max(1, MAX_ATTEMPTS - (attempts_allowed - attempt))
    return float(FIRST_PAUSE_SECONDS * 2 ** (failed - 1) * random.uniform(1, 1.2))  # noqa: S311  # not a secret


class StartFailures:
    """Measures how long this process has been unable to start any job, for example during a database outage.

    The process keeps this in memory, because an unavailable database cannot record it. A message's receive count cannot
    be used: it also counts duplicates, continuations and past outages.
    """

    def __init__(self) -> None:
        self._first = self._last = float("-inf")

    def record(self) -> float:
        """Records a failure; returns the pause: as long as the outage so far, from 5 s to 150 s.

        Up to 25 % jitter is added, so that jobs that wait for the same dependency are not tried all at once.
        """
        now = time.time()  # unlike a monotonic clock, it counts the time while Lambda has frozen the process
        if not 0 <= now - self._last < SAME_OUTAGE_SECONDS:
            self._first = now
        self._last = now
        pause = min(MAX_PAUSE_SECONDS, max(FIRST_PAUSE_SECONDS, now - self._first))
        return float(pause * random.uniform(1, 1.25))  # noqa: S311  # not a secret

    def clear(self) -> None:
        """Records that a job could be started, or that it needs no worker."""
        self._last = float("-inf")
