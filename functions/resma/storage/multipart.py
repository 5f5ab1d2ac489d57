"""Multipart uploads: bytes are written to one object, which becomes visible as a whole or not at all."""

from __future__ import annotations

import base64
import contextlib
import zlib
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass

from resma.storage.object_store import OWNER, Clients, Part, UploadTarget, abort_upload, complete_once, store_errors
from resma.storage.resumable_sha256 import Sha256
from resma.storage.upload_pool import PARTS_IN_MEMORY, UploadPool

MIB = 1024 * 1024

PART_SIZES = ((1000, 5 * MIB), (3000, 16 * MIB), (6000, 64 * MIB), (10_000, 128 * MIB))
"""Sizes of parts, as pairs of the last part number and the size.

S3 accepts up to 10,000 parts of 5 MiB or more (only the last one may be smaller). Growing parts need little memory for
usual files, also for several files of one report, and allow 723 GiB within the limit.
"""

MIN_PART_BYTES = 5 * MIB
"""Minimum size of every part of an object except the last one."""


@dataclass(frozen=True, slots=True)
class Segment:
    """An object that contains a segment of a file: the completed upload of an earlier attempt.

    The segment is the first `bytes` of the object, which may be longer.
    """

    key: str
    bytes: int
    etag: str


@dataclass(frozen=True, slots=True)
class UploadState:
    """State of an upload in a checkpoint. `parts` are stored already; `tail` has the bytes after them."""

    key: str
    upload_id: str
    owner: str
    segments: tuple[Segment, ...]
    """Segments of earlier attempts: the file's bytes before `parts`."""
    parts: tuple[Part, ...]
    tail: bytes
    size: int
    """Size of the whole file so far in bytes."""
    sha256: bytes
    """State of the SHA-256 of all bytes before `tail`."""


@dataclass(frozen=True, slots=True)
class FileCheckpoint:
    """State of a file that a new upload resumes."""

    segments: tuple[Segment, ...]
    tail: bytes
    size: int
    sha256: bytes


@dataclass(frozen=True)
class CompletedUpload:
    """A completed upload: key, size in bytes, ETag and number of parts of its object."""

    key: str
    bytes: int
    etag: str
    parts: int


class MultipartUpload:
    """Receives bytes in order, and uploads parts in threads. Not thread-safe. `open_upload` creates it.

    `write` blocks while the maximum number of parts is in flight, so a slow store slows down the reader and does not
    increase memory. It is not an `io.IOBase`, whose finalizer would complete an unfinished file.
    """

    def __init__(
        self, clients: Clients, pool: UploadPool, target: UploadTarget, owner: str, checkpoint: FileCheckpoint | None
    ) -> None:
        self._clients = clients
        self._target = target
        self._owner = owner
        self._pool = pool
        self.segments = checkpoint.segments if checkpoint else ()
        self._pending = bytearray(checkpoint.tail if checkpoint else b"")
        self.bytes = checkpoint.size if checkpoint else 0
        self._bytes_before = self.bytes - len(self._pending)
        self._sha256 = Sha256.from_state(checkpoint.sha256) if checkpoint else Sha256()
        self._hashed: Future[None] | None = None
        self._parts: list[Future[Part]] = []
        self._is_in_checkpoint = False
        self._is_closed = False
        self.stored: CompletedUpload | None = None

    def write(self, data: bytes) -> None:
        """Writes `data` of any length. Raises ObjectStoreUnavailableError if an earlier part has failed."""
        self.bytes += len(data)
        left = memoryview(data)
        while left:
            # At most the rest of a part, because several files of wide rows would need megabytes more otherwise.
            chunk = left[: max(0, self._part_bytes() - len(self._pending))]
            self._pending += chunk
            left = left[len(chunk) :]
            if len(self._pending) >= self._part_bytes():
                self._send_pending()

    def save(self) -> UploadState:
        """Sends the pending bytes if they are enough for a part, waits for parts in flight, and returns the state.

        More bytes may be written afterwards. Raises ObjectStoreUnavailableError.
        """
        if len(self._pending) >= MIN_PART_BYTES:
            self._send_pending()
        parts = self._await_parts()
        return UploadState(
            key=self._target["Key"],
            upload_id=self._target["UploadId"],
            owner=self._owner,
            segments=self.segments,
            parts=parts,
            tail=bytes(self._pending),
            size=self.bytes,
            sha256=self._sha256.state,
        )

    def keep(self) -> None:
        """Marks the upload as needed by a checkpoint: `close` then leaves it open for the next attempt."""
        self._is_in_checkpoint = True

    def is_empty(self) -> bool:
        """Returns whether this upload contains no bytes, sent or pending."""
        return not self._parts and not self._pending

    def complete(self) -> CompletedUpload:
        """Sends the pending bytes, and completes the upload, which makes the object visible.

        The object must not exist yet. Not safe to call twice. Raises ObjectStoreUnavailableError.
        """
        if self._pending or not self._parts:  # an empty file is one empty part
            self._send_pending()
        parts = self._await_parts()
        size = self.bytes - self._bytes_before
        with store_errors("Completing the upload"):
            etag = complete_once(self._clients, self._target, parts, size, self._owner)
        self.stored = CompletedUpload(self._target["Key"], size, etag, len(parts))
        return self.stored

    def sha256(self) -> str:
        """Returns the SHA-256 of the whole file, including segments, in hexadecimal. Call it when all is sent."""
        if self._hashed is not None:
            self._pool.result_of(self._hashed)
        return self._sha256.hexdigest()

    def close(self) -> None:
        """Waits for parts in flight, and aborts the upload unless it is completed or in a checkpoint. Never raises.

        Safe to call twice. It aborts at once, and again after waiting, because parts in flight may have arrived after
        the first time.
        """
        if self._is_closed:
            return
        self._is_closed = True
        is_open = self.stored is None and not self._is_in_checkpoint
        has_parts_in_flight = not all(part.done() for part in self._parts)
        if is_open and has_parts_in_flight:
            self._abort()
        self._pool.settle(self._parts)
        if is_open:
            self._abort()

    def _abort(self) -> None:
        abort_upload(self._clients.retrying, self._target["Bucket"], self._target["Key"], self._target["UploadId"])

    def _part_bytes(self) -> int:
        number = len(self._parts) + 1
        return next((size for last, size in PART_SIZES if number <= last), PART_SIZES[-1][1])

    def _send_pending(self) -> None:
        # The bytes are copied when there is a slot, so that no copy waits for one.
        self._pool.acquire_slot()
        try:
            self._raise_failed()
            part = bytes(self._pending)
            self._pending = bytearray()  # `clear` might not release memory
            # OpenSSL hashes with the GIL released. A single thread hashes the parts in order.
            self._hashed = self._pool.hashing.submit(self._sha256.update, part)
            sent = self._pool.sending.submit(self._upload, len(self._parts) + 1, part, self._hashed)
        except BaseException:
            self._pool.release_slot()
            raise
        sent.add_done_callback(lambda _: self._pool.release_slot())
        self._parts.append(sent)

    def _raise_failed(self) -> None:
        for future in self._parts[-PARTS_IN_MEMORY:]:
            if future.done() and future.exception() is not None:
                with store_errors("Uploading a part"):
                    future.result()

    def _await_parts(self) -> tuple[Part, ...]:
        with store_errors("Uploading a part"):
            parts = tuple([self._pool.result_of(future) for future in self._parts])
        if self._hashed is not None:
            self._pool.result_of(self._hashed)
        return parts

    def _upload(self, number: int, part: bytes, hashed: Future[None]) -> Part:
        # The store verifies each part with it, and the whole object at the end.
        crc32 = base64.b64encode(zlib.crc32(part).to_bytes(4, "big")).decode()
        answer = self._clients.retrying.upload_part(
            **self._target, PartNumber=number, Body=part, ChecksumAlgorithm="CRC32", ChecksumCRC32=crc32
        )
        self._pool.result_of(hashed)  # otherwise parts that are not hashed yet would remain in memory without a limit
        return Part(number, answer["ETag"], crc32, len(part))


@contextlib.contextmanager
def open_upload(  # noqa: PLR0913  # the destination, and properties of the object
    clients: Clients,
    pool: UploadPool,
    bucket: str,
    key: str,
    *,
    media_type: str,
    owner: str,
    checkpoint: FileCheckpoint | None = None,
) -> Iterator[MultipartUpload]:
    """Starts a multipart upload, and aborts it at the end of the block unless the caller has called `complete`.

    An upload that a checkpoint needs (`keep`) is not aborted. `owner` identifies the object as this upload's. With a
    `checkpoint`, the upload resumes a file. Raises ObjectStoreUnavailableError.
    """
    with store_errors("Starting the upload"):
        created = clients.retrying.create_multipart_upload(
            Bucket=bucket, Key=key, ContentType=media_type, Metadata={OWNER: owner}, ChecksumAlgorithm="CRC32"
        )
    target: UploadTarget = {"Bucket": bucket, "Key": key, "UploadId": created["UploadId"]}
    upload = MultipartUpload(clients, pool, target, owner, checkpoint)
    try:
        yield upload
    finally:
        upload.close()
