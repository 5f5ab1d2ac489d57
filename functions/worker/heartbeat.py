"""The worker's sign of life while it generates: about once a second, from a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from aws_lambda_powertools import Logger

from resma.errors import LeaseLost, ResmaError
from resma.job import LEASE_SECONDS

logger = Logger(child=True)

BEAT_SECONDS = 1.0
"""How often progress is shown and the lease renewed."""

VISIBILITY_SECONDS = 30
"""How long the queue hides the message after each renewal; longer than a lease, so that a takeover finds it free."""

_BEATS_BETWEEN_RENEWALS = 10


class Heartbeat:
    """Calls `beat(rows_done)` every second and `hold_message()` every ten, while in its `with` block.

    The generating thread calls `note_progress` between batches.
    """

    def __init__(self, beat: Callable[[int], None], hold_message: Callable[[], None]) -> None:
        self.rows_done = 0
        self._beat = beat
        self._hold_message = hold_message
        self._stop = threading.Event()
        self._lost: LeaseLost | None = None
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def note_progress(self, rows_done: int) -> None:
        """What the next beat shows. Raises LeaseLost once the job is no longer this worker's."""
        self.rows_done = rows_done
        if self._lost is not None:
            raise self._lost

    def _run(self) -> None:
        alive_until = time.monotonic() + LEASE_SECONDS
        beats = 0
        while not self._stop.wait(BEAT_SECONDS):
            try:
                self._beat(self.rows_done)
                alive_until = time.monotonic() + LEASE_SECONDS
                if beats % _BEATS_BETWEEN_RENEWALS == 0:
                    self._hold_message()
                beats += 1
            except LeaseLost as lost:
                self._lost = lost
                return
            except Exception as error:  # noqa: BLE001  # one lost beat is no reason to stop; a lease's worth is
                code = error.code if isinstance(error, ResmaError) else type(error).__name__
                logger.warning("a heartbeat was lost", error=code)
                if time.monotonic() > alive_until:
                    self._lost = LeaseLost(f"no heartbeat for {LEASE_SECONDS} s: the job may be another worker's")
                    return
