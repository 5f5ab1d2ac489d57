"""The worker's heartbeat: renews the lease about once a second while a report is generated, in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from aws_lambda_powertools import Logger

from resma.errors import DatabaseUnavailableError, LeaseLostError, ResmaError
from resma.jobs.claim import LEASE_SECONDS
from worker.database_retry import MAX_RETRY_SECONDS

logger = Logger(child=True)

BEAT_SECONDS = 1.0
"""Interval at which progress is recorded and the lease renewed."""

VISIBILITY_SECONDS = 20
"""The message's visibility timeout after each extension.

It is longer than a lease, so that the lease has expired when the queue delivers a dead worker's message again: at most
this long after the worker's death.
"""

RENEWAL_SECONDS = 4.0
"""Interval at which the message's visibility timeout is extended."""

_INTERRUPT_AGAIN_SECONDS = 0.5


class Heartbeat:
    """Calls `beat(rows_done)` every second and `extend_visibility()` every four seconds, while in its `with` block.

    The generating thread calls `record_progress` between batches. Once the lease is lost, `lost` is set and `interrupt`
    is called, so that the thread stops in any call. The error that this causes leaves the block as LeaseLostError.
    """

    def __init__(
        self,
        beat: Callable[[int], None],
        extend_visibility: Callable[[], object],
        interrupt: Callable[[], None] = lambda: None,
        rows_done: int = 0,
    ) -> None:
        self.rows_done = rows_done
        self.lost = threading.Event()
        self._beat = beat
        self._extend_visibility = extend_visibility
        self._interrupt = interrupt
        self._stop = threading.Event()
        self._loss: LeaseLostError | None = None
        self._last_beat = time.monotonic()
        self._threads = [
            threading.Thread(target=self._run, name="heartbeat", daemon=True),
            # A second thread, because a database that does not answer must not let the message become visible.
            threading.Thread(target=self._extend_until_lost, name="extend-visibility", daemon=True),
        ]

    def __enter__(self) -> Self:
        self._last_beat = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._loss is not None and isinstance(value, Exception) and not isinstance(value, LeaseLostError):
            raise self._loss from value

    def record_progress(self, rows_done: int) -> None:
        """Sets the progress that the next heartbeat records. Raises LeaseLostError once the lease is lost."""
        self.rows_done = rows_done
        if self._loss is not None:
            raise self._loss

    def _run(self) -> None:
        self._loss = self._beat_until_lost()
        if self._loss is None:
            return
        self.lost.set()
        self._interrupt()
        # The statement to be interrupted may have started after the first interruption.
        while not self._stop.wait(_INTERRUPT_AGAIN_SECONDS):
            self._interrupt()

    def _extend_until_lost(self) -> None:
        """Keeps the message hidden as long as this worker may have the lease."""
        while not self._stop.wait(RENEWAL_SECONDS):
            if self.lost.is_set() or time.monotonic() - self._last_beat > MAX_RETRY_SECONDS:
                return
            self._extend_visibility()

    def _beat_until_lost(self) -> LeaseLostError | None:
        while not self._stop.wait(BEAT_SECONDS):
            try:
                self._beat(self.rows_done)
                self._last_beat = time.monotonic()
            except LeaseLostError as lost:
                return lost
            except Exception as error:  # noqa: BLE001  # one lost heartbeat does not end the attempt; a lease without one does
                code = error.code if isinstance(error, ResmaError) else type(error).__name__
                logger.warning("a heartbeat was lost", error=code)
                # While the database is unavailable no other worker can claim the job. After that, the fence decides.
                limit = MAX_RETRY_SECONDS if isinstance(error, DatabaseUnavailableError) else LEASE_SECONDS
                if time.monotonic() - self._last_beat > limit:
                    return LeaseLostError(f"There was no heartbeat for {limit:.0f} s. Another worker may have the job.")
        return None
