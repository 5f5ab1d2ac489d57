"""CSV as RFC 4180 says: a header, CRLF, fields quoted where they must be, UTF-8 without a byte order mark.

NULL is an empty field and empty text is `""`, as in Postgres' own COPY; all other text is exactly what Postgres
prints, so every value survives a round trip.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from resma.errors import RowCountMismatch
from resma.header import ReportHeader
from resma.rows import Batch

_END_OF_LINE = "\r\n"


class CsvWriter:
    """Writes CSV. Holds no rows: what comes in with a batch goes out with it."""

    media_type = "text/csv; charset=utf-8; header=present"

    def __init__(self, header: ReportHeader) -> None:
        self._names = [column.name for column in header.columns]
        self._rows_expected = header.rows
        self._rows = 0

    def begin(self) -> bytes:
        """Returns the header line."""
        return (",".join(_quoted(self._names)) + _END_OF_LINE).encode()

    def add(self, batch: Batch) -> bytes:
        """Returns the lines of these rows."""
        self._rows += batch.rows
        if not batch.rows:
            return b""
        lines = map(",".join, zip(*map(_quoted, batch.columns), strict=True))
        return (_END_OF_LINE.join(lines) + _END_OF_LINE).encode()

    def end(self) -> bytes:
        """Returns nothing more. Raises RowCountMismatch."""
        if self._rows != self._rows_expected:
            raise RowCountMismatch(f"{self._rows} rows came, the snapshot counted {self._rows_expected}")
        return b""


def _quoted(column: Sequence[str | None]) -> Iterable[str]:
    """A column's cells as fields. Most columns hold nothing to quote, and one search over all of it tells.

    Postgres text holds no NUL, so joining by it can neither hide nor make a match.
    """
    cells = ["" if cell is None else cell for cell in column] if None in column else cast("Sequence[str]", column)
    if _must_quote("\0".join(cells)) or "" in column:
        return [_field(cell) for cell in column]
    return cells


def _must_quote(text: str) -> bool:
    # RFC 4180 §2.6. Four searches by memchr are several times as fast as one regular expression.
    return '"' in text or "," in text or "\n" in text or "\r" in text


def _field(cell: str | None) -> str:
    if cell is None:
        return ""
    if cell == "" or _must_quote(cell):
        return '"' + cell.replace('"', '""') + '"'
    return cell
