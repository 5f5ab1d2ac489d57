"""One read of the database feeds the writers of all formats, and each writer's bytes their own upload."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic

from resma.errors import RowCountMismatch
from resma.header import ReportHeader
from resma.multipart import Clients, MultipartUpload, UploadPool, open_upload, remove_object
from resma.options import FormatOptions
from resma.reports import StoredFile
from resma.rows import Batch
from resma.writers import Writer, file_extension, make_writer


@dataclass(frozen=True)
class Target:
    """Where the files of an attempt go: `prefix` and the format's extension make a key."""

    clients: Clients
    bucket: str
    prefix: str
    owner: str


@dataclass(frozen=True)
class _File:
    format: str
    extension: str
    writer: Writer
    upload: MultipartUpload


@dataclass
class Seconds:
    """Where the time of writing goes."""

    read: float = 0.0
    """Waiting for rows, and taking them in."""
    encode: float = 0.0
    """In the writers."""
    upload: float = 0.0
    """Waiting for room among the parts in the air."""


class FilesInProgress:
    """The files of one attempt, from first byte to last. Made by `open_files`."""

    def __init__(self, files: Sequence[_File], header: ReportHeader, target: Target) -> None:
        self._files = files
        self._header = header
        self._target = target
        self.seconds = Seconds()

    def write_rows(self, batches: Iterator[Batch], note_progress: Callable[[int], None]) -> int:
        """Writes all rows to all files; returns how many. `note_progress` may raise to stop it."""
        rows = 0
        self._each(lambda writer: writer.begin())
        while (batch := self._next(batches)) is not None:
            self._each(lambda writer, batch=batch: writer.add(batch))  # type: ignore[misc]
            rows += len(batch)
            note_progress(rows)
        self._each(lambda writer: writer.end())
        return rows

    def publish(self, rows: int) -> list[StoredFile]:
        """Makes the objects appear, one after the other: all of them, or none. Raises what stops one of them."""
        if rows != self._header.rows:
            raise RowCountMismatch(f"{rows} rows were read, the snapshot counted {self._header.rows}")
        try:
            return [self._complete(file) for file in self._files]
        except BaseException:
            for file in self._files:
                if file.upload.stored is not None:
                    with contextlib.suppress(Exception):  # the next attempt removes it, or the bucket's rule
                        remove_object(self._target.clients.patient, self._target.bucket, file.upload.stored.key)
            raise

    def _next(self, batches: Iterator[Batch]) -> Batch | None:
        since = monotonic()
        batch = next(batches, None)
        self.seconds.read += monotonic() - since
        return batch

    def _each(self, call: Callable[[Writer], bytes]) -> None:
        for file in self._files:
            since = monotonic()
            data = call(file.writer)
            encoded = monotonic()
            file.upload.write(data)
            self.seconds.encode += encoded - since
            self.seconds.upload += monotonic() - encoded

    def _complete(self, file: _File) -> StoredFile:
        stored = file.upload.complete()
        return StoredFile(
            format=file.format,
            object_key=stored.key,
            media_type=file.writer.media_type,
            extension=file.extension,
            bytes=stored.bytes,
            sha256=stored.sha256,
            parts=stored.parts,
        )


@contextlib.contextmanager
def open_files(
    formats: Sequence[str], header: ReportHeader, options: FormatOptions, target: Target
) -> Iterator[FilesInProgress]:
    """Starts an upload for each format; those that are not completed when the block is left are aborted."""
    with UploadPool() as pool, contextlib.ExitStack() as uploads:
        files = []
        for format_ in formats:
            writer = make_writer(format_, header, options)
            extension = file_extension(format_, options)
            upload = uploads.enter_context(
                open_upload(
                    target.clients,
                    pool,
                    target.bucket,
                    f"{target.prefix}.{extension}",
                    media_type=writer.media_type,
                    owner=target.owner,
                )
            )
            files.append(_File(format_, extension, writer, upload))
        yield FilesInProgress(files, header, target)
