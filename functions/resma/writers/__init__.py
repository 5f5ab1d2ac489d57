"""Writers: rows in, the bytes of one file out. One module a format.

A writer never sees the database or S3. It is given a `ReportHeader` (what is known before the first row)
and then batches of rows; every call returns the bytes that are ready, so that whoever drives it decides
when to send them on. A writer holds at most one page, or one block, of rows.
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
    """The three calls of a writer, in this order: `begin` once, `add` for each batch, `end` once.

    The same rows give the same bytes, however they are cut into batches.
    """

    media_type: str
    """MIME type of the finished file, for `Content-Type`."""

    state: Any
    """All that changes while it writes, as plain values of a bounded size: saved (saved_state.py) between two
    calls and given to a new writer of the same header and options, instead of `begin`, it makes that one go on."""

    def begin(self) -> bytes:
        """Returns the bytes that come before the first row."""
        ...

    def add(self, batch: Batch) -> bytes:
        """Returns what is ready after these rows; may be empty, and may hold rows of earlier batches."""
        ...

    def end(self) -> bytes:
        """Returns the rest of the file.

        Raises `RowCountMismatchError` where the header promised another number of rows.
        """
        ...


@runtime_checkable
class Paged(Protocol):
    """A writer whose file has pages."""

    @property
    def pages(self) -> int:
        """How many, once `end` was called."""
        ...


@runtime_checkable
class Warns(Protocol):
    """A writer that may have something to say of its finished file. What it counts is part of its `state`."""

    def warnings(self) -> tuple[ReportWarning, ...]:
        """Returns the warnings about the file, once `end` was called. `format` need not be set."""
        ...


def warnings_of(writer: Writer) -> tuple[ReportWarning, ...]:
    """Returns the warnings about a finished file; none from a writer that is not `Warns`."""
    return writer.warnings() if isinstance(writer, Warns) else ()


Format = Literal["CSV", "NDJSON", "XLSX", "PDF", "PARQUET"]

# By name, so that a function that writes no PDF does not load what draws charts.
_WRITERS: dict[str, str] = {
    "CSV": "resma.writers.csv.writer:make_csv_writer",
    "NDJSON": "resma.writers.ndjson:make_ndjson_writer",
    "XLSX": "resma.writers.xlsx:make_xlsx_writer",
    "PDF": "resma.writers.pdf:make_pdf_writer",
    "PARQUET": "resma.writers.parquet.writer:make_parquet_writer",
}


EXTENSIONS: dict[str, str] = {"CSV": "csv", "NDJSON": "ndjson", "XLSX": "xlsx", "PDF": "pdf", "PARQUET": "parquet"}

_COMPRESSED: dict[Compression, str] = {"none": "", "gzip": ".gz", "zstd": ".zst"}


def file_extension(format_: str, options: FormatOptions) -> str:
    """End of the file's name, without the first dot: `pdf`, `csv.gz`."""
    compression = {"CSV": options.csv.compression, "NDJSON": options.ndjson.compression}.get(format_, "none")
    return EXTENSIONS[format_] + _COMPRESSED[compression]


def make_writer(format_: str, header: ReportHeader, options: FormatOptions | None = None) -> Writer:
    """Makes the writer of a format, which must be one of `Format`."""
    module, name = _WRITERS[format_].split(":")
    make = cast("Callable[[ReportHeader, FormatOptions], Writer]", getattr(import_module(module), name))
    return make(header, options or FormatOptions())
