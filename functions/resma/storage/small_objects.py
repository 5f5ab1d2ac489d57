"""Uploads many objects, most of them small: each with one request, and many requests in flight.

An object of less than 5 MiB is one PutObject; a larger one is a multipart upload. No upload overwrites an object.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Condition, Event
from typing import Self

from isal import isal_zlib

from resma.errors import LeaseLostError
from resma.storage.multipart import MIN_PART_BYTES, MultipartUpload, open_upload
from resma.storage.object_store import Clients, store_errors
from resma.storage.put_object import put_once
from resma.storage.upload_pool import UploadPool

UPLOAD_THREADS = 16
"""Number of small objects in flight. With 10 ms for each request they allow 1,600 objects per second."""

MAX_BYTES_IN_FLIGHT = 16 * 1024 * 1024
"""Maximum size of the small objects that are finished and not yet stored."""

MAX_WAITING_PER_THREAD = 4
"""Maximum number of finished objects per thread, so that tiny objects do not fill the memory either."""

_STOPPED_SECONDS = 0.2
"""Interval at which a thread that waits checks whether to stop."""


@dataclass(frozen=True, slots=True)
class UploadedObject:
    """An object that is stored, with the checksums of all its bytes."""

    key: str
    bytes: int
    sha256: str
    """SHA-256 in hexadecimal."""
    crc32: int
    parts: int
    """Number of parts of its multipart upload; 1 if it was stored with one request."""


class PendingObject:
    """An object that is being uploaded. `ObjectFile.finish` returns it."""

    def __init__(self, key: str, future: Future[UploadedObject], stopped: Event) -> None:
        self.key = key
        self._future = future
        self._stopped = stopped

    @property
    def is_done(self) -> bool:
        """Whether `result` returns or raises at once."""
        return self._future.done()

    def result(self) -> UploadedObject:
        """Waits until the object is stored. Safe to call twice.

        Raises LeaseLostError if stopped, ObjectStoreUnavailableError, or ObjectStoreRefusedError, also if there is
        already an object of another owner.
        """
        while not wait([self._future], _STOPPED_SECONDS).done:
            if self._stopped.is_set():
                raise _stopped_error()
        return self._future.result()


class ObjectFile:
    """Receives the bytes of one object in order. `ObjectUploader.open` creates it. Not thread-safe."""

    def __init__(self, uploader: ObjectUploader, key: str, media_type: str) -> None:
        self._uploader = uploader
        self._key = key
        self._media_type = media_type
        self._pending: list[bytes] = []
        self._crc32 = 0
        self._upload: MultipartUpload | None = None
        self._resources = contextlib.ExitStack()
        self._is_finished = False
        self.bytes = 0

    def write(self, data: bytes) -> None:
        """Writes `data` of any length. From 5 MiB on, it blocks while the maximum number of parts is in flight.

        Raises ObjectStoreUnavailableError if the store does not accept parts, and LeaseLostError if stopped.
        """
        self.bytes += len(data)
        if self._upload is None and self.bytes < MIN_PART_BYTES:
            self._pending.append(data)
            return
        for piece in (*self._pending, data):
            self._crc32 = isal_zlib.crc32(piece, self._crc32)
            self._multipart().write(piece)
        self._pending = []

    def finish(self) -> PendingObject:
        """Starts to store the object, and returns before it is stored. Nothing may be written afterwards.

        It blocks only while too many objects are in flight. Raises the error of an earlier object of the uploader that
        has failed, and LeaseLostError if stopped.
        """
        self._is_finished = True
        if self._upload is not None:
            return self._uploader.send(self._key, 0, self._complete)
        content = b"".join(self._pending)
        self._pending = []
        return self._uploader.send(self._key, len(content), lambda: self._put(content))

    def discard(self) -> None:
        """Discards what has been written. Safe to call twice, and does nothing after `finish`. Never raises."""
        if not self._is_finished:
            self.close()

    def close(self) -> None:
        """Aborts the multipart upload unless it is completed. Never raises."""
        self._pending = []
        self._resources.close()
        self._uploader.closed(self)

    def _multipart(self) -> MultipartUpload:
        if self._upload is None:
            uploader = self._uploader
            upload = open_upload(
                uploader.clients,
                uploader.parts_pool(),
                uploader.bucket,
                self._key,
                media_type=self._media_type,
                owner=uploader.owner,
            )
            self._upload = self._resources.enter_context(upload)
            uploader.close_at_end(self)
        return self._upload

    def _put(self, content: bytes) -> UploadedObject:
        # hashlib releases the GIL for more than 2 KB.
        sha256, crc32 = hashlib.sha256(content).hexdigest(), isal_zlib.crc32(content)
        uploader, media_type = self._uploader, self._media_type
        client, bucket, owner = uploader.clients.retrying, uploader.bucket, uploader.owner
        with store_errors("Storing an object"):
            put_once(client, bucket, self._key, content, media_type=media_type, owner=owner, crc32=crc32)
        return UploadedObject(self._key, len(content), sha256, crc32, 1)

    def _complete(self) -> UploadedObject:
        upload = self._multipart()
        try:
            stored = upload.complete()
            return UploadedObject(self._key, stored.bytes, upload.sha256(), self._crc32, stored.parts)
        finally:
            self.close()


class ObjectUploader:
    """Uploads many objects. Use it as a context manager, from one thread.

    It needs memory for the files that are being written (less than 5 MiB each), for `max_bytes_in_flight`, and for four
    parts of 5 MiB while a file is larger. At the end, it discards files that are not finished, and finished
    ones that have not been sent yet: call `PendingObject.result` for each. When `stopped` is set, nothing waits for the
    store any longer. `owner` identifies the objects as this attempt's.
    """

    def __init__(  # noqa: PLR0913  # the destination, and limits
        self,
        clients: Clients,
        bucket: str,
        owner: str,
        *,
        threads: int = UPLOAD_THREADS,
        max_bytes_in_flight: int = MAX_BYTES_IN_FLIGHT,
        stopped: Event | None = None,
    ) -> None:
        self.clients = clients
        self.bucket = bucket
        self.owner = owner
        self._stopped = stopped or Event()
        self._sending = ThreadPoolExecutor(threads, thread_name_prefix="objects")
        self._resources = contextlib.ExitStack()
        self._parts_pool: UploadPool | None = None
        self._large: set[ObjectFile] = set()
        self._has_room = Condition()
        self._max_bytes, self._max_objects = max_bytes_in_flight, MAX_WAITING_PER_THREAD * threads
        self._bytes = self._objects = 0
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._sending.shutdown(wait=not self._stopped.is_set(), cancel_futures=True)
        for file in list(self._large):
            file.close()
        self._resources.close()

    def open(self, key: str, media_type: str) -> ObjectFile:
        """Returns a new file. Several may be open at the same time. Nothing is sent before it has 5 MiB."""
        return ObjectFile(self, key, media_type)

    def parts_pool(self) -> UploadPool:
        """Returns the threads that upload parts of large files, which are started when they are needed."""
        if self._parts_pool is None:
            self._parts_pool = self._resources.enter_context(UploadPool(self._stopped))
        return self._parts_pool

    def close_at_end(self, file: ObjectFile) -> None:
        """Adds a file that must be closed at the end of the block, because it has a multipart upload."""
        self._large.add(file)

    def closed(self, file: ObjectFile) -> None:
        """Removes a file that has been closed."""
        self._large.discard(file)

    def send(self, key: str, size: int, store: Callable[[], UploadedObject]) -> PendingObject:
        """Runs `store` in a thread when fewer than the maximum of bytes and objects are in flight."""
        self._acquire(size)
        try:
            future = self._sending.submit(store)
        except BaseException:
            self._release(size)
            raise
        future.add_done_callback(lambda done: self._release(size, done))
        return PendingObject(key, future, self._stopped)

    def _acquire(self, size: int) -> None:
        with self._has_room:
            while True:
                if self._stopped.is_set():
                    raise _stopped_error()
                if self._failure is not None:
                    raise self._failure
                is_full = self._objects >= self._max_objects or self._bytes + size > self._max_bytes
                if not is_full or not self._objects:
                    break
                self._has_room.wait(_STOPPED_SECONDS)
            self._objects += 1
            self._bytes += size

    def _release(self, size: int, done: Future[UploadedObject] | None = None) -> None:
        with self._has_room:
            self._objects -= 1
            self._bytes -= size
            if done is not None and not done.cancelled():
                self._failure = self._failure or done.exception()
            self._has_room.notify()


def _stopped_error() -> LeaseLostError:
    return LeaseLostError("This worker has lost the lease of the job, so it sends nothing more.")
