"""Writers: encode rows as the bytes of one file. Each format has a module of its own.

A writer never accesses the database or S3. It receives a `ReportHeader`, which contains what is known before the first
row, and then batches of rows. Every call returns the bytes that are ready, and the caller decides when to upload them.
A writer holds at most a few pages, or one block, of rows in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Literal, Protocol, cast, runtime_checkable

from resma.report.format_options import Compression, FormatOptions
from resma.report.header import ReportHeader
from resma.report.rows import Batch
from resma.report.warnings import ReportWarning


class Writer(Protocol):
    """Interface of all writers. Call `begin` once, `add` for each batch, then `end` once.

    The same rows produce the same bytes, however they are split into batches.
    """

    media_type: str
    """MIME type of the finished file, for `Content-Type`."""

    state: Any
    """Everything that changes during writing, as plain values of bounded size.

    It can be saved between two calls (saved_state.py). To resume, create a writer with the same header and options and
    set its `state` instead of calling `begin`.
    """

    def begin(self) -> bytes:
        """Returns the bytes before the first row."""
        ...

    def add(self, batch: Batch) -> bytes:
        """Adds rows. Returns the bytes that are ready, which may be none, and may include rows of earlier batches."""
        ...

    def end(self) -> bytes:
        """Returns the rest of the file.

        Raises RowCountMismatchError if the number of rows differs from the header's.
        """
        ...


@runtime_checkable
class Paged(Protocol):
    """A writer whose file has pages."""

    @property
    def pages(self) -> int:
        """Number of pages, available after `end`."""
        ...


@runtime_checkable
class Warns(Protocol):
    """A writer that can return warnings about its finished file. Its counters are part of its `state`."""

    def warnings(self) -> tuple[ReportWarning, ...]:
        """Returns the warnings about the file, available after `end`. Their `format` need not be set."""
        ...


def warnings_of(writer: Writer) -> tuple[ReportWarning, ...]:
    """Returns the warnings about a finished file; none if the writer does not implement `Warns`."""
    return writer.warnings() if isinstance(writer, Warns) else ()


Format = Literal["CSV", "NDJSON", "XLSX", "PDF", "PARQUET"]

# Names instead of imports, so that a function that does not write PDF does not load the charts library.
_WRITERS: dict[str, str] = {
    "CSV": "resma.writers.csv.writer:make_csv_writer",
    "NDJSON": "resma.writers.ndjson:make_ndjson_writer",
    "XLSX": "resma.writers.xlsx:make_xlsx_writer",
    "PDF": "resma.writers.pdf:make_pdf_writer",
    "PARQUET": "resma.writers.parquet.writer:make_parquet_writer",
}


EXTENSIONS: dict[str, str] = {"CSV": "csv", "NDJSON": "ndjson", "XLSX": "xlsx", "PDF": "pdf", "PARQUET": "parquet"}

_COMPRESSED: dict[Compression, str] = {"none": "", "gzip": ".gz", "zstd": ".zst"}

_SEALED = ".pgp"


def file_extension(format_: str, options: FormatOptions, *, is_sealed: bool = False) -> str:
    """Returns the extension of the file name, without the first dot: `pdf`, `csv.gz`.

    `is_sealed` says that the file is encrypted by OpenPGP: `csv.pgp`.
    """
    compression = {"CSV": options.csv.compression, "NDJSON": options.ndjson.compression}.get(format_, "none")
    return EXTENSIONS[format_] + _COMPRESSED[compression] + (_SEALED if is_sealed else "")


def make_writer(format_: str, header: ReportHeader, options: FormatOptions | None = None) -> Writer:
    """Creates the writer of a format, which must be one of `Format`. `options` default to the format's defaults."""
    module, name = _WRITERS[format_].split(":")
    make = cast("Callable[[ReportHeader, FormatOptions], Writer]", getattr(import_module(module), name))
    return make(header, options or FormatOptions())
