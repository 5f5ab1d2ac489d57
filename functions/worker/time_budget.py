"""When a report is saved, and when it is handed over, for an invocation of limited time."""

from __future__ import annotations

import time

CHECKPOINT_SECONDS = 10.0
"""Between two checkpoints, and before the first: most reports end sooner and never pay for one."""

MARGIN_SECONDS = 60.0
"""Before the invocation's end: what the parts in the air and the checkpoint may take."""

_LARGEST_MARGIN = 1 / 4
"""Of the invocation's whole time."""

_LARGEST_SHARE = 1 / 20
"""Of the time that checkpoints may take: a slow store makes them rarer."""


class Pace:
    """Made when an invocation begins, with the milliseconds that it has."""

    def __init__(self, milliseconds: int) -> None:
        seconds = milliseconds / 1000
        now = time.monotonic()
        self._hand_over_at = now + seconds - min(MARGIN_SECONDS, seconds * _LARGEST_MARGIN)
        self._save_at = now + CHECKPOINT_SECONDS

    def is_time_up(self) -> bool:
        """Whether the report must be handed over now."""
        return time.monotonic() >= self._hand_over_at

    def seconds_left(self) -> float:
        """Seconds until the report must be handed over; negative after that."""
        return self._hand_over_at - time.monotonic()

    def is_save_due(self) -> bool:
        """Whether it is time for a checkpoint."""
        return time.monotonic() >= self._save_at

    def note_saved(self, seconds: float) -> None:
        """A checkpoint is done, and took that long."""
        self._save_at = time.monotonic() + max(CHECKPOINT_SECONDS, seconds / _LARGEST_SHARE)
