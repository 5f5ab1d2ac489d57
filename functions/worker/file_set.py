"""Writes the files of all formats of a report from one read of the database, each to its own upload.

A value that a format cannot represent fails the file of that format: its upload is aborted, the others continue.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from threading import Event
from time import monotonic

from aws_lambda_powertools import Logger

from resma.encryption.openpgp.sealer import MEDIA_TYPE as SEALED_MEDIA_TYPE
from resma.encryption.openpgp.sealer import Encryption, Sealer, open_sealer
from resma.errors import AllFormatsFailedError, FormatLimitError, RowCountMismatchError
from resma.jobs.report_rows import FailedFile, ReportFiles, StoredFile
from resma.report.format_options import FormatOptions
from resma.report.header import ReportHeader
from resma.report.rows import Batch
from resma.report.warnings import MAX_DETAIL_CHARACTERS, ReportWarning
from resma.short_text import shorten
from resma.storage.multipart import MultipartUpload, open_upload
from resma.storage.object_store import Clients
from resma.storage.segments import complete_file
from resma.storage.upload_pool import UploadPool
from resma.writers import Paged, Writer, file_extension, make_writer, warnings_of
from resma.writers.saved_state import dump_state, load_state
from worker.checkpoints.serialization import EarlierFiles, ResumedFile, SavedFile
from worker.measure import WritingSeconds

logger = Logger(child=True)


@dataclass(frozen=True)
class FileTarget:
    """Where an attempt uploads its files. `prefix` and the format's extension make a key."""

    clients: Clients
    bucket: str
    prefix: str
    owner: str

    def key(self, extension: str) -> str:
        """Returns the key of a finished file."""
        return f"{self.prefix}.{extension}"

    def rest_key(self, extension: str) -> str:
        """Returns the key of the last of several segments, until they are concatenated."""
        return f"{self.prefix}.rest.{extension}"


@dataclass(frozen=True)
class _File:
    format: str
    extension: str
    writer: Writer
    media_type: str
    upload: MultipartUpload
    is_resumed: bool
    sealer: Sealer | None = None
    """Encrypts the file; None: it is not encrypted."""

    def write(self, data: bytes) -> None:
        """Writes bytes of the file. Raises ObjectStoreUnavailableError, SealingFailedError."""
        self.upload.write(data if self.sealer is None else self.sealer.write(data))


class FilesInProgress:
    """The files that one attempt writes. Created by `open_files`.

    Every method raises AllFormatsFailedError once the files of all formats have failed.
    """

    def __init__(
        self,
        header: ReportHeader,
        target: FileTarget,
        pool: UploadPool,
        failed: Sequence[FailedFile],
        encryption: Encryption | None = None,
    ) -> None:
        self._files: list[_File] = []
        self._failed = list(failed)
        self._header = header
        self._target = target
        self._pool = pool
        self._encryption = encryption
        self.seconds = WritingSeconds()

    def open(
        self, format_: str, options: FormatOptions, resumed: ResumedFile | None, uploads: contextlib.ExitStack
    ) -> None:
        """Creates the writer of a format, and starts its upload. Raises ObjectStoreUnavailableError."""
        try:
            writer = make_writer(format_, self._header, options)
        except FormatLimitError as error:
            self._fail(format_, error)
            return
        if resumed is not None:
            writer.state = load_state(resumed.writer, writer.state)
        encryption, target = self._encryption, self._target
        extension = file_extension(format_, options, is_sealed=encryption is not None)
        media_type = SEALED_MEDIA_TYPE if encryption else writer.media_type
        checkpoint = resumed.checkpoint if resumed else None
        has_segments = checkpoint is not None and bool(checkpoint.segments)
        opened = open_upload(
            target.clients,
            self._pool,
            target.bucket,
            target.rest_key(extension) if has_segments else target.key(extension),
            media_type=media_type,
            owner=target.owner,
            checkpoint=checkpoint,
        )
        upload = uploads.enter_context(opened)
        sealer = uploads.enter_context(open_sealer(encryption)) if encryption else None
        self._files.append(_File(format_, extension, writer, media_type, upload, resumed is not None, sealer))

    def write_rows(
        self, batches: Iterator[Batch], may_continue: Callable[[int], bool], rows_before: int = 0
    ) -> int | None:
        """Writes all rows to all files; returns the number of rows, including `rows_before` of earlier attempts.

        After each batch `may_continue` is called with the number of rows so far. If it returns False, the remaining
        rows are not read and None is returned. It may raise.
        """
        rows = rows_before
        for file in list(self._files):
            if not file.is_resumed:
                self._write(file, file.writer.begin)
        while (batch := self._next(batches)) is not None:
            for file in list(self._files):
                self._write(file, file.writer.add, batch)
            rows += len(batch)
            if not may_continue(rows):
                return None
        for file in list(self._files):
            self._write(file, file.writer.end)
        for file in self._files:
            if file.sealer is not None:
                file.upload.write(file.sealer.end())
        return rows

    def save(self) -> tuple[SavedFile, ...]:
        """Waits for the parts in flight; returns the state of the files, other than failed ones, for a checkpoint.

        Writing may continue after this.
        """
        since = monotonic()
        states = tuple(
            SavedFile(file.format, dump_state(file.writer.state), file.upload.save()) for file in self._files
        )
        self.seconds.save += monotonic() - since
        return states

    def keep(self) -> None:
        """Leaves the uploads open from now on, even after errors, because a checkpoint needs them."""
        for file in self._files:
            file.upload.keep()

    @property
    def failed(self) -> tuple[FailedFile, ...]:
        """The files that cannot be made, including those that failed in earlier attempts."""
        return tuple(self._failed)

    def publish(self, rows: int) -> ReportFiles:
        """Completes the uploads, one after the other. Raises RowCountMismatchError or the first upload's error.

        Until the row refers to them, completed objects are leftovers, which `remove_own_leftovers` removes.
        """
        if rows != self._header.rows:
            raise RowCountMismatchError(rows, self._header.rows)
        stored = [self._complete(file) for file in self._files]
        return ReportFiles(stored, self.failed, self._warnings())

    def _warnings(self) -> list[ReportWarning]:
        return [replace(warning, format=file.format) for file in self._files for warning in warnings_of(file.writer)]

    def _next(self, batches: Iterator[Batch]) -> Batch | None:
        since = monotonic()
        batch = next(batches, None)
        self.seconds.read += monotonic() - since
        return batch

    def _write(self, file: _File, call: Callable[..., bytes], *arguments: Batch) -> None:
        since = monotonic()
        try:
            data = call(*arguments)
        except FormatLimitError as error:
            self._files.remove(file)
            file.upload.close()
            self._fail(file.format, error)
            self.raise_if_none_is_left()
            return
        encoded = monotonic()
        file.write(data)
        self.seconds.encode += encoded - since
        self.seconds.upload += monotonic() - encoded

    def _fail(self, format_: str, error: FormatLimitError) -> None:
        """Records that the report cannot be made in a format."""
        failed = FailedFile(format=format_, code=error.code, detail=shorten(str(error), MAX_DETAIL_CHARACTERS))
        if error.column is not None:
            failed["column"] = error.column
        if error.row is not None:
            failed["row"] = error.row
        self._failed.append(failed)
        logger.warning("the report cannot be made in this format", **failed)

    def raise_if_none_is_left(self) -> None:
        """Raises AllFormatsFailedError if no file can be made."""
        if not self._files:
            raise AllFormatsFailedError(self._failed)

    def _complete(self, file: _File) -> StoredFile:
        upload, target = file.upload, self._target
        key = target.key(file.extension)
        parts = complete_file(
            target.clients, self._pool, target.bucket, key, upload, media_type=file.media_type, owner=target.owner
        )
        stored = StoredFile(
            format=file.format,
            object_key=key,
            media_type=file.media_type,
            extension=file.extension,
            bytes=upload.bytes,
            sha256=upload.sha256(),
            parts=parts,
        )
        if isinstance(file.writer, Paged):
            stored["pages"] = file.writer.pages
        if file.sealer is not None:
            stored["plain_sha256"] = file.sealer.plain_sha256()
        return stored


@contextlib.contextmanager
def open_files(  # noqa: PLR0913, PLR0917  # the report, its formats and the upload
    formats: Sequence[str],
    header: ReportHeader,
    options: FormatOptions,
    target: FileTarget,
    stopped: Event | None = None,
    earlier: EarlierFiles | None = None,
    encryption: Encryption | None = None,
) -> Iterator[FilesInProgress]:
    """Starts an upload for each format, encrypted as `encryption` says.

    At the end of the block, uploads that were not completed or kept are aborted.

    Files of `earlier` attempts are continued, or left out if they have failed. Once `stopped` is set, no call waits for
    the object store anymore. Raises AllFormatsFailedError.
    """
    earlier = earlier or EarlierFiles()
    failed = {file["format"] for file in earlier.failed}
    with UploadPool(stopped, len(formats)) as pool, contextlib.ExitStack() as uploads:
        files = FilesInProgress(header, target, pool, earlier.failed, encryption)
        for format_ in formats:
            if format_ not in failed:
                files.open(format_, options, earlier.resumed.get(format_), uploads)
        files.raise_if_none_is_left()
        yield files
