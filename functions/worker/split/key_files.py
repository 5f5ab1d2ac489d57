"""Writes the files of keys: each key's rows in all formats, each format to its own object.

Files are recorded in batches: the rows of files whose objects are stored, and the last of their keys, in one
transaction. The next attempt of the shard continues after this key.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.encryption.openpgp.sealer import MEDIA_TYPE as SEALED_MEDIA_TYPE
from resma.encryption.openpgp.sealer import Encryption, Sealer
from resma.errors import FormatLimitError, RowCountMismatchError
from resma.jobs.claim import show_totals
from resma.jobs.outages import close_outages
from resma.report.format_options import FormatOptions
from resma.report.header import ReportHeader, Total
from resma.report.records import TotalRecord
from resma.report.rows import Batch
from resma.report.warnings import MAX_DETAIL_CHARACTERS, ReportWarning
from resma.shards.claim import record_keys
from resma.shards.files import KeyFile, insert_files
from resma.shards.rows import Cells
from resma.shards.warnings import add_warnings
from resma.short_text import shorten
from resma.storage.small_objects import ObjectFile, ObjectUploader, PendingObject
from resma.writers import Paged, Writer, file_extension, make_writer, warnings_of
from worker.database_retry import write_with_retry
from worker.measure import WritingSeconds
from worker.split.shard import ClaimedShard

RECORD_SECONDS = 1.0
"""Maximum time between two transactions that record files."""

MAX_UNRECORDED_KEYS = 500
"""Maximum number of keys that a transaction records, and that the next attempt would have to write again."""

MAX_UNRECORDED_TOTALS = 5000
"""Maximum number of totals of a transaction, of all its files, unless one key has more: a key may have thousands of
currencies, which would fill a worker's memory."""


@dataclass(frozen=True)
class KeyContent:
    """The content of the files of one key. `name` is that of its files, without extension."""

    number: int
    key: Cells
    name: str
    header: ReportHeader
    totals: Sequence[Total]
    """All totals of the key; the header may have fewer."""


@dataclass
class _File:
    """One file that is being written. Once its format has failed, nothing more is written to it."""

    row: KeyFile
    warnings: Sequence[ReportWarning] = ()
    writer: Writer | None = None
    target: ObjectFile | None = None
    sealer: Sealer | None = None
    """Encrypts the file; None: it is not encrypted."""

    def write(self, data: bytes) -> None:
        """Writes bytes of the file. Raises the errors of the object store, and SealingFailedError."""
        if self.target is not None:
            self.target.write(data if self.sealer is None else self.sealer.write(data))

    def discard(self) -> None:
        """Discards what is not finished. Safe to call twice."""
        if self.target is not None:
            self.target.discard()
        if self.sealer is not None:
            self.sealer.close()

    def fail(self, error: FormatLimitError) -> None:
        """Records that the file cannot be made."""
        self.discard()
        detail = shorten(str(error), MAX_DETAIL_CHARACTERS)
        self.row = replace(self.row, media_type=None, error_code=error.code, error_detail=detail)
        self.writer = self.target = self.sealer = None


@dataclass(frozen=True)
class _WrittenKey:
    """A key whose files are written, and may not be stored yet."""

    key: Cells
    rows: int
    files: Sequence[tuple[KeyFile, PendingObject | None]]
    warnings: Sequence[ReportWarning]

    @property
    def is_stored(self) -> bool:
        """Whether no file is being uploaded any longer."""
        return all(pending is None or pending.is_done for _, pending in self.files)

    def stored_files(self) -> Iterator[KeyFile]:
        """Waits until the files are stored, and yields their rows. Raises the errors of uploads."""
        for row, pending in self.files:
            if pending is None:
                yield row
            else:
                stored = pending.result()
                yield replace(row, object_key=stored.key, bytes=stored.bytes, sha256=stored.sha256, crc32=stored.crc32)


def _add(batch: Batch, writer: Writer) -> bytes:
    return writer.add(batch)


class KeyFiles:
    """Writes the files of a shard's keys, one key after the other, and records them. Use it from one thread."""

    def __init__(
        self,
        shard: ClaimedShard,
        uploader: ObjectUploader,
        snapshot: int,
        seconds: WritingSeconds,
        encryption: Encryption | None = None,
    ) -> None:
        self._shard = shard
        self._uploader = uploader
        self._snapshot = snapshot
        self._encryption = encryption
        self._options = FormatOptions.model_validate(shard.report.options)
        self._written: deque[_WrittenKey] = deque()
        self._recorded_at = monotonic()
        self._unrecorded_totals = 0
        self.written_keys = shard.claim.keys_done
        """Number of keys whose files are written, including those of earlier attempts."""
        self.keys = shard.claim.keys_done
        """Number of keys whose files are recorded."""
        self.rows = shard.claim.rows_done
        self._warnings = shard.claim.warnings
        self._seconds = seconds

    def write_key(self, content: KeyContent, batches: Iterator[Batch], may_continue: Callable[[], bool]) -> bool:
        """Writes the files of one key; returns whether they are complete.

        After each batch `may_continue` is called. If it returns False before the last row, the files are discarded. It
        may raise. Raises RowCountMismatchError and the errors of the object store.
        """
        totals = show_totals(self._shard.report.type, content.totals)
        files = [self._open(format_, content, totals) for format_ in self._shard.report.formats]
        try:
            rows = self._write_rows(files, batches, content.header.rows, may_continue)
            if rows is None:
                return False
            if rows != content.header.rows:
                raise RowCountMismatchError(rows, content.header.rows, f"key {content.number} has")
            finished = [self._finish(file) for file in files]
        finally:
            for file in files:
                file.discard()
        self._written.append(
            _WrittenKey(content.key, rows, finished, [warning for file in files for warning in file.warnings])
        )
        self._unrecorded_totals += len(totals) * len(finished)
        self.written_keys += 1
        return True

    def record_if_due(self) -> None:
        """Records the keys whose files are stored, if a second has passed or they are many. Raises LeaseLostError.

        It waits until all files are stored if their totals are many.
        """
        if self._unrecorded_totals >= MAX_UNRECORDED_TOTALS:
            self.record_all()
        elif len(self._written) >= MAX_UNRECORDED_KEYS or monotonic() - self._recorded_at >= RECORD_SECONDS:
            self._record(lambda key: key.is_stored)

    def record_all(self) -> None:
        """Waits until all files are stored, and records them. Raises LeaseLostError."""
        self._record(lambda _: True)

    def _open(self, format_: str, content: KeyContent, totals: Sequence[TotalRecord]) -> _File:
        encryption, header = self._encryption, content.header
        extension = file_extension(format_, self._options, is_sealed=encryption is not None)
        file = _File(
            KeyFile(
                number=content.number,
                format=format_,
                key=content.key,
                name=f"{content.name}.{extension}",
                rows=header.rows,
                totals=totals,
                snapshot=self._snapshot,
            )
        )
        try:
            file.writer = make_writer(format_, header, self._options)
        except FormatLimitError as error:
            file.fail(error)
            return file
        media_type = SEALED_MEDIA_TYPE if encryption else file.writer.media_type
        file.sealer = Sealer(encryption) if encryption else None
        file.row = replace(file.row, media_type=media_type)
        file.target = self._uploader.open(f"{self._shard.object_prefix}/{content.number}.{extension}", media_type)
        self._write(file, lambda writer: writer.begin())
        return file

    def _write_rows(
        self, files: Sequence[_File], batches: Iterator[Batch], expected: int, may_continue: Callable[[], bool]
    ) -> int | None:
        """Writes all rows to all files; returns their number, or None if not all may be written."""
        rows = 0
        while (batch := self._next(batches)) is not None:
            for file in files:
                self._write(file, partial(_add, batch))
            rows += len(batch)
            if rows < expected and not may_continue():
                return None
        for file in files:
            self._write(file, lambda writer: writer.end())
        return rows

    def _next(self, batches: Iterator[Batch]) -> Batch | None:
        since = monotonic()
        batch = next(batches, None)
        self._seconds.read += monotonic() - since
        return batch

    def _write(self, file: _File, call: Callable[[Writer], bytes]) -> None:
        if file.writer is None or file.target is None:
            return
        since = monotonic()
        try:
            data = call(file.writer)
        except FormatLimitError as error:
            file.fail(error)
            return
        encoded = monotonic()
        file.write(data)
        self._seconds.encode += encoded - since
        self._seconds.upload += monotonic() - encoded

    def _finish(self, file: _File) -> tuple[KeyFile, PendingObject | None]:
        if file.target is None or file.writer is None:
            return file.row, None
        since = monotonic()
        file.warnings = [
            replace(warning, format=file.row.format, files=1, file=file.row.number)
            for warning in warnings_of(file.writer)
        ]
        row = replace(file.row, pages=file.writer.pages) if isinstance(file.writer, Paged) else file.row
        if file.sealer is not None:
            file.target.write(file.sealer.end())
            row = replace(row, plain_sha256=file.sealer.plain_sha256())
        pending = file.target.finish()
        self._seconds.upload += monotonic() - since
        return row, pending

    def _record(self, is_ready: Callable[[_WrittenKey], bool]) -> None:
        since = monotonic()
        while self._written and is_ready(self._written[0]):
            keys: list[_WrittenKey] = []
            while self._written and len(keys) < MAX_UNRECORDED_KEYS and is_ready(self._written[0]):
                keys.append(self._written.popleft())
            self._record_keys(keys)
            self._unrecorded_totals -= sum(len(row.totals) for key in keys for row, _ in key.files)
        self._recorded_at = monotonic()
        self._seconds.save += self._recorded_at - since

    def _record_keys(self, written: Sequence[_WrittenKey]) -> None:
        shard = self._shard
        files = [file for key in written for file in key.stored_files()]
        keys, rows = self.keys + len(written), self.rows + sum(key.rows for key in written)
        warnings = add_warnings(self._warnings, [warning for key in written for warning in key.warnings])

        def record(connection: Connection[TupleRow]) -> None:
            record_keys(connection, shard.claim, written[-1].key, keys, rows, warnings)
            insert_files(connection, shard.claim.tenant_id, shard.claim.report_id, shard.claim.shard, files)
            close_outages(connection, shard.probed)

        write_with_retry(shard.resources.system, shard.claim.tenant_id, record)
        self.keys, self.rows, self._warnings = keys, rows, warnings
