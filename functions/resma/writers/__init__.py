"""Writers: rows in, the bytes of one file out. One module a format.

A writer never sees the database or S3. It is given a `ReportHeader` (what is known before the first row)
and then batches of columns; every call returns the bytes that are ready, so that whoever drives it decides
when to send them on. A writer holds at most one page, or one batch, of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Literal, Protocol, cast

from resma.header import ReportHeader
from resma.rows import Batch


class Writer(Protocol):
    """The three calls of a writer, in this order: `begin` once, `add` for each batch, `end` once."""

    media_type: str
    """MIME type of the finished file, for `Content-Type`."""

    def begin(self) -> bytes:
        """Returns the bytes that come before the first row."""
        ...

    def add(self, batch: Batch) -> bytes:
        """Returns what is ready after these rows; may be empty, and may hold rows of earlier batches."""
        ...

    def end(self) -> bytes:
        """Returns the rest of the file. Raises `RowCountMismatch` where the header promised another number of rows."""
        ...


Format = Literal["CSV", "PDF"]

# By name, so that a function that writes no PDF does not load what draws charts.
_WRITERS: dict[str, str] = {"CSV": "resma.writers.csv:CsvWriter", "PDF": "resma.writers.pdf:PdfWriter"}

EXTENSIONS: dict[str, str] = {"CSV": "csv", "PDF": "pdf"}
"""File name extension of each format, without the dot."""


def make_writer(format_: str, header: ReportHeader) -> Writer:
    """Makes the writer of a format, which must be one of `Format`."""
    module, name = _WRITERS[format_].split(":")
    make = cast("Callable[[ReportHeader], Writer]", getattr(import_module(module), name))
    return make(header)
