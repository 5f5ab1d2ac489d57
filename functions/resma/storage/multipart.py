"""Bytes on their way into one object: a multipart upload that appears whole, or not at all."""

from __future__ import annotations

import base64
import contextlib
import zlib
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass

from resma.storage.object_store import OWNER, Clients, Part, UploadTarget, abort_upload, complete_once, store_errors
from resma.storage.resumable_sha256 import Sha256
from resma.storage.upload_pool import UPLOAD_THREADS, UploadPool

MIB = 1024 * 1024

PART_SIZES = ((1000, 5 * MIB), (3000, 16 * MIB), (6000, 64 * MIB), (10_000, 128 * MIB))
"""Up to which part number a part has which size.

S3 takes 10,000 parts of 5 MiB or more (only the last may be smaller). Growing parts keep memory small for usual
files, several of one report too, and reach 723 GiB within the limit.
"""

MIN_PART_BYTES = 5 * MIB
"""Of every part but an object's last."""


@dataclass(frozen=True, slots=True)
class Segment:
    """The beginning or the middle of a file, as an object: an earlier attempt's upload, completed.

    The object's first `bytes`: it may be longer.
    """

    key: str
    bytes: int
    etag: str


@dataclass(frozen=True, slots=True)
class UploadState:
    """An upload as a checkpoint keeps it. What is in `parts` the store has; `tail` are the bytes after them."""

    key: str
    upload_id: str
    owner: str
    segments: tuple[Segment, ...]
    """Of earlier attempts: the file's bytes before `parts`."""
    parts: tuple[Part, ...]
    tail: bytes
    size: int
    """Bytes of the whole file so far."""
    sha256: bytes
    """State of the hash of all bytes before the tail."""


@dataclass(frozen=True, slots=True)
class FileCheckpoint:
    """What a file has already when an upload goes on with it."""

    segments: tuple[Segment, ...]
    tail: bytes
    size: int
    sha256: bytes


@dataclass(frozen=True)
class CompletedUpload:
    """What a finished upload is: its key, its size in bytes, its ETag, and how many parts it took."""

    key: str
    bytes: int
    etag: str
    parts: int


class MultipartUpload:
    """Takes bytes in order; parts go up in threads while more bytes come. Not for use from several threads.

    `write` waits while the pool's parts are all in the air, so a slow store slows the reader and fills no memory.
    Made by `open_upload`. Not an `io.IOBase` on purpose: its finaliser would complete half a file.
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
        self._is_kept = False
        self._is_closed = False
        self.stored: CompletedUpload | None = None

    def write(self, data: bytes) -> None:
        """Takes `data` of any length. Raises ObjectStoreUnavailableError when a part sent earlier has failed."""
        self.bytes += len(data)
        left = memoryview(data)
        while left:
            # No more than a part has room for: several files of wide rows would hold megabytes beyond theirs.
            taken = left[: max(0, self._part_bytes() - len(self._pending))]
            self._pending += taken
            left = left[len(taken) :]
            if len(self._pending) >= self._part_bytes():
                self._send_pending()

    def save(self) -> UploadState:
        """Sends what is enough for a part, waits for those in the air, and returns all there is to the upload.

        Raises ObjectStoreUnavailableError. More may be written after.
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
        """From now on a checkpoint needs this upload: `close` leaves it open for the next attempt."""
        self._is_kept = True

    def is_empty(self) -> bool:
        """Whether there is nothing of the file in it, sent or not."""
        return not self._parts and not self._pending

    def complete(self) -> CompletedUpload:
        """Sends the rest and makes the object appear. Raises ObjectStoreUnavailableError.

        The object must not exist yet. Not safe to call twice.
        """
        if self._pending or not self._parts:  # a file of no bytes is one empty part
            self._send_pending()
        parts = self._await_parts()
        size = self.bytes - self._bytes_before
        with store_errors("completing the upload"):
            etag = complete_once(self._clients, self._target, parts, size, self._owner)
        self.stored = CompletedUpload(self._target["Key"], size, etag, len(parts))
        return self.stored

    def sha256(self) -> str:
        """Of all bytes of the file, segments before this upload included, in hex; to be asked when all are sent."""
        if self._hashed is not None:
            self._pool.result_of(self._hashed)
        return self._sha256.hexdigest()

    def close(self) -> None:
        """Waits for the parts in the air, and aborts the upload if it was not completed or kept. Never raises.

        Safe to call twice. Aborted first, so that it is gone at once; and again, because a part that was in the air may
        have come after.
        """
        if self._is_closed:
            return
        self._is_closed = True
        is_open = self.stored is None and not self._is_kept
        is_in_the_air = not all(part.done() for part in self._parts)
        if is_open and is_in_the_air:
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
        part = bytes(self._pending)
        self._pending = bytearray()  # `clear` could keep its memory
        self._send(part)

    def _send(self, part: bytes) -> None:
        self._pool.acquire_slot()
        try:
            self._raise_failed()
            # In a thread: OpenSSL hashes without Python's lock. One thread, so the parts are hashed in order.
            self._hashed = self._pool.hashing.submit(self._sha256.update, part)
            sent = self._pool.sending.submit(self._upload, len(self._parts) + 1, part)
        except BaseException:
            self._pool.release_slot()
            raise
        sent.add_done_callback(lambda _: self._pool.release_slot())
        self._parts.append(sent)

    def _raise_failed(self) -> None:
        for future in self._parts[-UPLOAD_THREADS - 1 :]:
            if future.done() and future.exception() is not None:
                with store_errors("uploading a part"):
                    future.result()

    def _await_parts(self) -> tuple[Part, ...]:
        with store_errors("uploading a part"):
            parts = tuple([self._pool.result_of(future) for future in self._parts])
        if self._hashed is not None:
            self._pool.result_of(self._hashed)
        return parts

    def _upload(self, number: int, part: bytes) -> Part:
        # The store checks what arrived against this, and the sum of all at the end.
        crc32 = base64.b64encode(zlib.crc32(part).to_bytes(4, "big")).decode()
        answer = self._clients.retrying.upload_part(
            **self._target, PartNumber=number, Body=part, ChecksumAlgorithm="CRC32", ChecksumCRC32=crc32
        )
        return Part(number, answer["ETag"], crc32, len(part))


@contextlib.contextmanager
def open_upload(  # noqa: PLR0913  # where to, and what it is
    clients: Clients,
    pool: UploadPool,
    bucket: str,
    key: str,
    *,
    media_type: str,
    owner: str,
    checkpoint: FileCheckpoint | None = None,
) -> Iterator[MultipartUpload]:
    """Starts a multipart upload; whatever leaves the block without `complete` having returned aborts it, unless kept.

    `owner` tells this upload's object from any other's. With a `beginning` the file goes on after that. Raises
    ObjectStoreUnavailableError. The caller completes: leaving the block in peace is not enough to publish.
    """
    with store_errors("starting the upload"):
        created = clients.retrying.create_multipart_upload(
            Bucket=bucket, Key=key, ContentType=media_type, Metadata={OWNER: owner}, ChecksumAlgorithm="CRC32"
        )
    target: UploadTarget = {"Bucket": bucket, "Key": key, "UploadId": created["UploadId"]}
    upload = MultipartUpload(clients, pool, target, owner, checkpoint)
    try:
        yield upload
    finally:
        upload.close()
