"""Decides when an invocation saves checkpoints, and when it must stop so that the next one continues the report."""

from __future__ import annotations

import time

CHECKPOINT_SECONDS = 10.0
"""Minimum time between two checkpoints, and before the first. Most reports end sooner and save none."""

MARGIN_SECONDS = 60.0
"""Time reserved at the end of the invocation for the parts in flight and the checkpoint."""

_MAX_MARGIN_SHARE = 1 / 4
"""Maximum share of the invocation's time that is reserved."""

_MAX_CHECKPOINT_SHARE = 1 / 20
"""Maximum share of the time that is spent on checkpoints. With a slow store they become less frequent."""


class TimeBudget:
    """The time of an invocation. Created at its start, with the milliseconds that it has."""

    def __init__(self, milliseconds: int) -> None:
        seconds = milliseconds / 1000
        now = time.monotonic()
        self._stops_at = now + seconds - min(MARGIN_SECONDS, seconds * _MAX_MARGIN_SHARE)
        self._checkpoint_at = now + CHECKPOINT_SECONDS

    def is_time_up(self) -> bool:
        """Returns whether the attempt must stop now, so that the next one continues the report."""
        return time.monotonic() >= self._stops_at

    def seconds_left(self) -> float:
        """Returns the seconds until the attempt must stop; negative after that."""
        return self._stops_at - time.monotonic()

    def is_checkpoint_due(self) -> bool:
        """Returns whether a checkpoint is due."""
        return time.monotonic() >= self._checkpoint_at

    def record_checkpoint(self, seconds: float) -> None:
        """Records that a checkpoint was saved, and how many seconds that took."""
        self._checkpoint_at = time.monotonic() + max(CHECKPOINT_SECONDS, seconds / _MAX_CHECKPOINT_SHARE)
