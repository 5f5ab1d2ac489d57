"""The threads that send a report's parts: how many are in the air at once, and how long anybody waits for them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Event, Semaphore
from typing import Self, TypeVar

from resma.errors import LeaseLostError

T = TypeVar("T")

UPLOAD_THREADS = 3
"""Parts in the air at once, of all uploads that share a pool: 200 MB/s with one, 358 with three."""

_STOPPED_SECONDS = 0.2
"""How often whoever waits for the store looks whether to go on waiting."""


class UploadPool:
    """The threads that send parts, and one that hashes them in order. Uploads that share it share its limits.

    Memory is UPLOAD_THREADS parts in the air and, for each upload, one that fills. Once `stopped` is set, whoever waits
    for the store stops waiting.
    """

    def __init__(self, stopped: Event | None = None) -> None:
        self.sending = ThreadPoolExecutor(UPLOAD_THREADS, thread_name_prefix="upload")
        self.hashing = ThreadPoolExecutor(1, thread_name_prefix="hash")
        self._room = Semaphore(UPLOAD_THREADS)
        self._stopped = stopped or Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        is_patient = not self._stopped.is_set()
        self.sending.shutdown(wait=is_patient, cancel_futures=True)
        self.hashing.shutdown(wait=is_patient, cancel_futures=True)

    def acquire_slot(self) -> None:
        """Waits until another part may be in the air. Raises LeaseLostError when stopped."""
        while not self._room.acquire(timeout=_STOPPED_SECONDS):
            self._raise_stopped()
        if self._stopped.is_set():
            self._room.release()
            self._raise_stopped()

    def release_slot(self) -> None:
        """Ends what `acquire_slot` began."""
        self._room.release()

    def result_of(self, future: Future[T]) -> T:
        """Waits for it. Raises LeaseLostError when stopped, and whatever the future raises."""
        while not wait([future], _STOPPED_SECONDS).done:
            self._raise_stopped()
        return future.result()

    def settle(self, futures: Sequence[Future[T]]) -> None:
        """Waits for those that have begun, whatever becomes of them; not for long when stopped. Never raises."""
        for future in futures:
            future.cancel()
        wait(futures, _STOPPED_SECONDS if self._stopped.is_set() else None)

    def _raise_stopped(self) -> None:
        if self._stopped.is_set():
            raise LeaseLostError("the job is no longer this worker's: nothing more is sent")
