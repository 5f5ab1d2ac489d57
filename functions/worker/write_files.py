"""One read of the database feeds the writers of all formats, and each writer's bytes their own upload."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Event
from time import monotonic
from typing import Any

from resma.errors import RowCountMismatch
from resma.header import ReportHeader
from resma.multipart import Beginning, MultipartUpload, Segment, open_upload
from resma.object_store import Clients
from resma.options import FormatOptions
from resma.reports import StoredFile
from resma.rows import Batch
from resma.saved_work import SavedFile
from resma.segments import join_segments
from resma.upload_pool import UploadPool
from resma.writers import Paged, Writer, file_extension, make_writer


@dataclass(frozen=True)
class Target:
    """Where the files of an attempt go: `prefix` and the format's extension make a key."""

    clients: Clients
    bucket: str
    prefix: str
    owner: str

    def key(self, extension: str) -> str:
        """Of a finished file."""
        return f"{self.prefix}.{extension}"

    def rest_key(self, extension: str) -> str:
        """Of the last of several segments, until they are joined."""
        return f"{self.prefix}.rest.{extension}"


@dataclass(frozen=True)
class Begun:
    """A file that an earlier attempt has begun: its writer's state, and what the store has of it."""

    writer: Any
    beginning: Beginning


@dataclass(frozen=True)
class _File:
    format: str
    extension: str
    writer: Writer
    upload: MultipartUpload
    begun: Begun | None


@dataclass
class Seconds:
    """Where the time of writing goes."""

    read: float = 0.0
    """Waiting for rows, and taking them in."""
    encode: float = 0.0
    """In the writers."""
    upload: float = 0.0
    """Waiting for room among the parts in the air."""
    save: float = 0.0
    """In checkpoints."""


class FilesInProgress:
    """The files of one attempt, from first byte to last. Made by `open_files`."""

    def __init__(self, files: Sequence[_File], header: ReportHeader, target: Target, pool: UploadPool) -> None:
        self._files = files
        self._header = header
        self._target = target
        self._pool = pool
        self.seconds = Seconds()

    def write_rows(self, batches: Iterator[Batch], goes_on: Callable[[int], bool], rows_before: int = 0) -> int | None:
        """Writes all rows to all files; returns how many they are, those of earlier attempts included.

        After each batch `goes_on` is told how many there are by now; where it says no, the rest is left unread, and
        None is returned. It may raise.
        """
        rows = rows_before
        for file in self._files:
            if file.begun is None:
                self._write(file, file.writer.begin)
        while (batch := self._next(batches)) is not None:
            for file in self._files:
                self._write(file, file.writer.add, batch)
            rows += len(batch)
            if not goes_on(rows):
                return None
        for file in self._files:
            self._write(file, file.writer.end)
        return rows

    def save(self) -> tuple[SavedFile, ...]:
        """Waits for what is on its way, and returns what the next attempt needs. More may be written after."""
        since = monotonic()
        saved = tuple(SavedFile(file.format, file.writer.state, file.upload.save()) for file in self._files)
        self.seconds.save += monotonic() - since
        return saved

    def keep(self) -> None:
        """From now on a checkpoint needs the uploads as they are: whatever happens, they are left open."""
        for file in self._files:
            file.upload.keep()

    def publish(self, rows: int) -> list[StoredFile]:
        """Makes the objects appear, one after the other. Raises what stops one of them.

        Those that have appeared by then are nobody's until the row names them: `clear_up` removes them.
        """
        if rows != self._header.rows:
            raise RowCountMismatch(f"{rows} rows were read, the snapshot counted {self._header.rows}")
        return [self._complete(file) for file in self._files]

    def _next(self, batches: Iterator[Batch]) -> Batch | None:
        since = monotonic()
        batch = next(batches, None)
        self.seconds.read += monotonic() - since
        return batch

    def _write(self, file: _File, call: Callable[..., bytes], *arguments: Batch) -> None:
        since = monotonic()
        data = call(*arguments)
        encoded = monotonic()
        file.upload.write(data)
        self.seconds.encode += encoded - since
        self.seconds.upload += monotonic() - encoded

    def _complete(self, file: _File) -> StoredFile:
        upload, target = file.upload, self._target
        key = target.key(file.extension)
        segments = upload.segments
        if not segments:
            parts = upload.complete().parts
        else:
            if not upload.is_empty():
                rest = upload.complete()
                segments = (*segments, Segment(rest.key, rest.bytes, rest.etag))
            joined = join_segments(
                target.clients,
                self._pool,
                target.bucket,
                key,
                segments,
                media_type=file.writer.media_type,
                owner=target.owner,
            )
            parts = joined.parts
        stored = StoredFile(
            format=file.format,
            object_key=key,
            media_type=file.writer.media_type,
            extension=file.extension,
            bytes=upload.bytes,
            sha256=upload.sha256(),
            parts=parts,
        )
        if isinstance(file.writer, Paged):
            stored["pages"] = file.writer.pages
        return stored


@contextlib.contextmanager
def open_files(  # noqa: PLR0913, PLR0917  # what to write, and where
    formats: Sequence[str],
    header: ReportHeader,
    options: FormatOptions,
    target: Target,
    stopped: Event | None = None,
    begun: Mapping[str, Begun] | None = None,
) -> Iterator[FilesInProgress]:
    """Starts an upload for each format; those not completed when the block is left are aborted, unless kept.

    Files that are `begun`, by format, go on. Once `stopped` is set nobody waits for the store any more.
    """
    with UploadPool(stopped) as pool, contextlib.ExitStack() as uploads:
        files = [
            _open_file(format_, header, options, target, pool, (begun or {}).get(format_), uploads)
            for format_ in formats
        ]
        yield FilesInProgress(files, header, target, pool)


def _open_file(  # noqa: PLR0913, PLR0917
    format_: str,
    header: ReportHeader,
    options: FormatOptions,
    target: Target,
    pool: UploadPool,
    begun: Begun | None,
    uploads: contextlib.ExitStack,
) -> _File:
    writer = make_writer(format_, header, options)
    if begun is not None:
        writer.state = begun.writer
    extension = file_extension(format_, options)
    beginning = begun.beginning if begun else None
    has_segments = beginning is not None and bool(beginning.segments)
    opened = open_upload(
        target.clients,
        pool,
        target.bucket,
        target.rest_key(extension) if has_segments else target.key(extension),
        media_type=writer.media_type,
        owner=target.owner,
        beginning=beginning,
    )
    return _File(format_, extension, writer, uploads.enter_context(opened), begun)
