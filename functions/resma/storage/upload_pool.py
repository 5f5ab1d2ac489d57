"""The threads that upload parts of a report: they limit parts in flight, and stop waiting when the lease is lost."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Event, Semaphore
from typing import Self, TypeVar

from resma.errors import LeaseLostError

T = TypeVar("T")

PARTS_IN_MEMORY = 4
"""Maximum number of parts that the uploads of a pool keep in memory, filled or in flight; more with four uploads.

One upload thus has three parts in flight: 358 MB/s, and 200 MB/s with one. Several files are written more slowly.
"""

_STOPPED_SECONDS = 0.2
"""Interval at which threads that wait for the store check whether to stop."""


class UploadPool:
    """The threads that upload parts, and one thread that hashes them in order. All uploads of a pool share its limits.

    `uploads` is the number of uploads that are open at the same time, each of which fills a part. The others of
    PARTS_IN_MEMORY may be in flight, and at least one. When `stopped` is set, threads stop waiting for the store.
    """

    def __init__(self, stopped: Event | None = None, uploads: int = 1) -> None:
        in_flight = max(1, PARTS_IN_MEMORY - uploads)
        self.sending = ThreadPoolExecutor(in_flight, thread_name_prefix="upload")
        self.hashing = ThreadPoolExecutor(1, thread_name_prefix="hash")
        self._slots = Semaphore(in_flight)
        self._stopped = stopped or Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        is_running = not self._stopped.is_set()
        self.sending.shutdown(wait=is_running, cancel_futures=True)
        self.hashing.shutdown(wait=is_running, cancel_futures=True)

    def acquire_slot(self) -> None:
        """Waits until another part may be in flight. Raises LeaseLostError if stopped."""
        while not self._slots.acquire(timeout=_STOPPED_SECONDS):
            self._raise_stopped()
        if self._stopped.is_set():
            self._slots.release()
            self._raise_stopped()

    def release_slot(self) -> None:
        """Releases the slot that `acquire_slot` acquired."""
        self._slots.release()

    def result_of(self, future: Future[T]) -> T:
        """Waits for the result of a future. Raises LeaseLostError if stopped, and the errors of the future."""
        while not wait([future], _STOPPED_SECONDS).done:
            self._raise_stopped()
        return future.result()

    def settle(self, futures: Sequence[Future[T]]) -> None:
        """Cancels futures that have not started, and waits for the others; only briefly if stopped. Never raises."""
        for future in futures:
            future.cancel()
        wait(futures, _STOPPED_SECONDS if self._stopped.is_set() else None)

    def _raise_stopped(self) -> None:
        if self._stopped.is_set():
            raise LeaseLostError("This worker has lost the lease of the job, so it sends nothing more.")
