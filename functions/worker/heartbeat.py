"""The worker's sign of life while it generates: about once a second, from a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from aws_lambda_powertools import Logger

from resma.errors import DatabaseUnavailableError, LeaseLostError, ResmaError
from resma.jobs.claim import LEASE_SECONDS
from worker.patience import PATIENCE_SECONDS

logger = Logger(child=True)

BEAT_SECONDS = 1.0
"""How often progress is shown and the lease renewed."""

VISIBILITY_SECONDS = 20
"""How long the queue hides the message after each renewal; longer than a lease, so that a takeover finds it free.
A dead worker's job is taken over that long after its death, or a little sooner."""

RENEWAL_SECONDS = 4.0
"""How often the message is kept hidden."""

_INTERRUPT_AGAIN_SECONDS = 0.5


class Heartbeat:
    """Calls `beat(rows_done)` every second and `hold_message()` every four seconds, while in its `with` block.

    The generating thread calls `note_progress` between batches. Once the job is lost, `interrupt` is called, and
    `lost` is set, so that the thread stops wherever it is; what it runs into then leaves the block as LeaseLostError.
    """

    def __init__(
        self,
        beat: Callable[[int], None],
        hold_message: Callable[[], object],
        interrupt: Callable[[], None] = lambda: None,
        rows_done: int = 0,
    ) -> None:
        self.rows_done = rows_done
        self.lost = threading.Event()
        self._beat = beat
        self._hold_message = hold_message
        self._interrupt = interrupt
        self._stop = threading.Event()
        self._loss: LeaseLostError | None = None
        self._last_beat = time.monotonic()
        self._threads = [
            threading.Thread(target=self._run, name="heartbeat", daemon=True),
            # Of its own: a database that does not answer must not give the message to another worker.
            threading.Thread(target=self._hold, name="hold-message", daemon=True),
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

    def note_progress(self, rows_done: int) -> None:
        """What the next beat shows. Raises LeaseLostError once the job is no longer this worker's."""
        self.rows_done = rows_done
        if self._loss is not None:
            raise self._loss

    def _run(self) -> None:
        self._loss = self._beat_until_lost()
        if self._loss is None:
            return
        self.lost.set()
        self._interrupt()
        # The statement that it was to hit may have begun after it.
        while not self._stop.wait(_INTERRUPT_AGAIN_SECONDS):
            self._interrupt()

    def _hold(self) -> None:
        """Keeps the message hidden as long as the job may be this worker's."""
        while not self._stop.wait(RENEWAL_SECONDS):
            if self.lost.is_set() or time.monotonic() - self._last_beat > PATIENCE_SECONDS:
                return
            self._hold_message()

    def _beat_until_lost(self) -> LeaseLostError | None:
        while not self._stop.wait(BEAT_SECONDS):
            try:
                self._beat(self.rows_done)
                self._last_beat = time.monotonic()
            except LeaseLostError as lost:
                return lost
            except Exception as error:  # noqa: BLE001  # one lost beat is no reason to stop; a lease's worth is
                code = error.code if isinstance(error, ResmaError) else type(error).__name__
                logger.warning("a heartbeat was lost", error=code)
                # While the database is away nobody else can claim the job. When it is back, the fence decides.
                limit = PATIENCE_SECONDS if isinstance(error, DatabaseUnavailableError) else LEASE_SECONDS
                if time.monotonic() - self._last_beat > limit:
                    return LeaseLostError(f"no heartbeat for {limit:.0f} s: the job may be another worker's")
        return None
