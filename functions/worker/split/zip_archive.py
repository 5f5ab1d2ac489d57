"""Makes the ZIP archive of a split report from the objects of its files, without holding them.

Entries are stored. Sizes and CRC-32 are in the rows of the files, so all bytes of the archive follow from the rows, and
the size of an upload is the only state that is needed to continue it in another invocation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from time import monotonic

import msgspec
from aws_lambda_powertools import Logger
from isal import isal_zlib

from resma.errors import CheckpointUnusableError, ObjectStoreRefusedError
from resma.report.records import ZIP_EXTENSION, ObjectRecord
from resma.storage.multipart import FileCheckpoint, MultipartUpload, UploadState, open_upload
from resma.storage.segments import close_upload, complete_file
from resma.storage.upload_pool import UploadPool
from worker.attempt import ClaimedJob
from worker.checkpoints.store import key_prefix, read_checkpoint
from worker.split.object_ranges import ObjectRange, RangeReader, ranges_of, skip_bytes
from worker.split.zip_format import ZipEntry, ZipFormat
from worker.time_budget import TimeBudget

logger = Logger(child=True)

MEDIA_TYPE = "application/zip"

_PIECE_ENTRIES = 1000
"""Number of entries of the central directory that are written at once."""


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """A file of the archive. `content` is the key of its object, or its bytes."""

    entry: ZipEntry
    content: str | bytes


@dataclass(frozen=True)
class Archive:
    """What the archive contains."""

    files: Callable[[], Iterator[ArchivedFile]]
    """Yields the files in the same order each time: for their contents, and for the central directory."""
    modified: datetime
    content_id: str
    """Identifies the files and their order. An archive with another one is not continued."""

    def pieces(self) -> Iterator[bytes | ObjectRange]:
        """Yields the archive in order."""
        format_, offset = ZipFormat(self.modified), 0
        for file in self.files():
            header = format_.local_header(file.entry)
            yield header
            if isinstance(file.content, bytes):
                yield file.content
            else:
                yield from ranges_of(file.content, file.entry.bytes, file.entry.crc32)
            offset += len(header) + file.entry.bytes
        yield from self._directory(format_, offset)

    def _directory(self, format_: ZipFormat, directory_offset: int) -> Iterator[bytes]:
        offset = entries = size = 0
        pending: list[bytes] = []
        for file in self.files():
            pending.append(format_.directory_entry(file.entry, offset))
            offset += len(format_.local_header(file.entry)) + file.entry.bytes
            entries += 1
            size += len(pending[-1])
            if len(pending) == _PIECE_ENTRIES:
                yield b"".join(pending)
                pending.clear()
        yield b"".join(pending) + format_.end(entries, directory_offset, size)


@dataclass(frozen=True, slots=True)
class _ArchiveState:
    """State of an archive in a checkpoint. The size of the upload says how much of the archive it has."""

    content_id: str
    crc32: int
    """CRC-32 of the bytes so far of the file that the upload ends in."""
    upload: UploadState


_VERSION = "archive-1"
"""Version of the serialization of the state."""


def write_archive(
    job: ClaimedJob, archive: Archive, rows: int, time_budget: TimeBudget, stopped: Event
) -> ObjectRecord | None:
    """Stores the archive; returns None if the invocation's time is up, after saving a checkpoint.

    It continues the archive of the claim's checkpoint. `rows` is recorded with checkpoints, as progress. Raises
    LeaseLostError, ObjectStoreUnavailableError, and ObjectStoreRefusedError if an object is not the one recorded.
    """
    resources, prefix = job.resources, key_prefix(job.claim)
    key, owner = f"{prefix}.{ZIP_EXTENSION}", f"{job.claim.report_id}/{job.claim.attempt}"
    resumed = _resume(job, archive)
    checkpoint = resumed.checkpoint if resumed else None
    upload_key = f"{prefix}.rest.{ZIP_EXTENSION}" if checkpoint and checkpoint.segments else key
    clients, bucket = resources.clients, resources.bucket
    with (
        UploadPool(stopped) as pool,
        open_upload(
            clients, pool, bucket, upload_key, media_type=MEDIA_TYPE, owner=owner, checkpoint=checkpoint
        ) as upload,
        RangeReader(resources.s3, bucket, stopped) as reader,
    ):
        progress = _Progress(job, archive.content_id, upload, rows, time_budget, resumed.crc32 if resumed else 0)
        for piece, data in reader.read(skip_bytes(archive.pieces(), upload.bytes)):
            progress.check(piece, data)
            upload.write(data)
            if not progress.may_continue():
                return None
        complete_file(clients, pool, bucket, key, upload, media_type=MEDIA_TYPE, owner=owner)
        return ObjectRecord(object_key=key, bytes=upload.bytes, sha256=upload.sha256())


@dataclass
class _Progress:
    """Verifies the files while they are copied, and saves checkpoints."""

    job: ClaimedJob
    content_id: str
    upload: MultipartUpload
    rows: int
    time_budget: TimeBudget
    crc32: int

    def check(self, piece: bytes | ObjectRange, data: bytes) -> None:
        """Adds the bytes of a piece. Raises ObjectStoreRefusedError if an object does not have its recorded CRC-32."""
        if isinstance(piece, bytes):
            return
        self.crc32 = isal_zlib.crc32(data, self.crc32 if piece.start else 0)
        if piece.crc32 is not None and self.crc32 != piece.crc32:
            raise ObjectStoreRefusedError(
                f"The object {piece.key} does not have the CRC-32 that was recorded. If it happens again, see the "
                "store's log."
            )

    def may_continue(self) -> bool:
        """Saves a checkpoint if one is due; returns whether the invocation has time left."""
        is_time_up = self.time_budget.is_time_up()
        if is_time_up or self.time_budget.is_checkpoint_due():
            since = monotonic()
            state = _ArchiveState(self.content_id, self.crc32, self.upload.save())
            self.upload.keep()  # before the row may refer to it
            self.job.checkpoints.save_data(_dump(state), self.rows, [state.upload])
            self.time_budget.record_checkpoint(monotonic() - since)
        return not is_time_up


@dataclass(frozen=True)
class _Resumed:
    checkpoint: FileCheckpoint
    crc32: int


def _resume(job: ClaimedJob, archive: Archive) -> _Resumed | None:
    """Returns the state of the claim's checkpoint, whose worker can no longer write to the archive.

    Returns None without a checkpoint, or if it cannot be used: the archive then restarts from its first byte.
    """
    if job.claim.checkpoint is None:
        return None
    try:
        state = _load(read_checkpoint(job.resources, job.claim.checkpoint), archive.content_id)
        upload = state.upload
        segments = close_upload(job.resources.clients, job.resources.bucket, upload)
    except CheckpointUnusableError as error:
        logger.warning("the ZIP archive restarts from its first byte", error=str(error))
        return None
    return _Resumed(FileCheckpoint(segments, upload.tail, upload.size, upload.sha256), state.crc32)


def _dump(state: _ArchiveState) -> bytes:
    return msgspec.msgpack.encode((_VERSION, state))


def _load(data: bytes, content_id: str) -> _ArchiveState:
    try:
        version, state = msgspec.msgpack.decode(data, type=tuple[str, _ArchiveState])
    except msgspec.MsgspecError as error:
        raise CheckpointUnusableError(f"The checkpoint cannot be read: {error}.") from error
    if version != _VERSION:
        raise CheckpointUnusableError(f"The checkpoint has version {version}. This code reads version {_VERSION}.")
    if state.content_id != content_id:
        raise CheckpointUnusableError("The files have changed since the checkpoint was saved.")
    return state
