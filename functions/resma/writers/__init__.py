"""Writers: rows in, the bytes of one file out. One module a format.

A writer never sees the database or S3. It is given a `ReportHeader` (what is known before the first row)
and then batches of columns; every call returns the bytes that are ready, so that whoever drives it decides
when to send them on. A writer holds at most one page, or one batch, of rows.
"""

from __future__ import annotations

from typing import Protocol

from resma.rows import Batch


class Writer(Protocol):
    """The three calls of a writer, in this order: `begin` once, `add` for each batch, `end` once."""

    media_type: str
    """MIME type of the finished file, for `Content-Type`."""

    extension: str
    """File name extension without the dot."""

    def begin(self) -> bytes:
        """Returns the bytes that come before the first row."""
        ...

    def add(self, batch: Batch) -> bytes:
        """Returns what is ready after these rows; may be empty, and may hold rows of earlier batches."""
        ...

    def end(self) -> bytes:
        """Returns the rest of the file. Raises `RowCountMismatch` where the header promised another number of rows."""
        ...
