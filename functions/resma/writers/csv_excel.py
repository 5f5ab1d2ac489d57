"""CSV that Excel opens with a double click, as its locale wants it.

A byte order mark, or Excel takes the file for Windows-1252; the list separator and the decimal mark of the locale;
moments without their offset, which Excel would take for text. What Excel would damage is written as a formula that
yields a text: what looks like a number, a date or a time and would not be shown as it is, such as leading zeros and
more digits than it can hold. What it would run as a formula gets an apostrophe. Numbers are numbers, negative ones too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from resma.errors import RowCountMismatch
from resma.header import Column, Kind, ReportHeader
from resma.locales import Locale
from resma.rows import Batch
from resma.writers.csv_lines import encode_lines

_DIGITS_KEPT = 15
"""Excel keeps 15 significant digits of a number (specifications and limits) and makes zeros of the others."""

_NUMBER = re.compile(rb"[+-]?[0-9]+([.,][0-9]+)?")
_SAFE_NUMBER = re.compile(rb"[+-]?(0|[1-9][0-9]{0,10})([.,][0-9]{1,4})?")
_LIKE_A_NUMBER = re.compile(rb"[+-]?[0-9][0-9.,eE+/: -]*")
"""What Excel takes for a number, a date or a time, and shows as something else: `007`, `12e3`, `3/4`, `+5511…`."""

_OFFSET = re.compile(rb"[+-][0-9]{2}(:[0-9]{2}){0,2}$")
_RUN = (b"=", b"+", b"-", b"@", b"\t", b"\r")
"""First characters that make Excel take a cell for a formula (OWASP, CSV injection)."""

_RISKY = {*_RUN, *[b"%d" % digit for digit in range(10)]}

Cells = Sequence[bytes | None]
Encode = Callable[[Cells], Cells]


@dataclass(slots=True)
class ExcelCsvState:
    """All that a CSV in the making has to remember."""

    rows: int = 0


class ExcelCsvWriter:
    """Writes CSV for the Excel of the report's locale. Holds no rows."""

    media_type = "text/csv; charset=utf-8; header=present"

    def __init__(self, header: ReportHeader) -> None:
        self._header = header
        self._separator = header.locale.list_separator.encode()
        self._encoders = [_encoder(column, header.locale) for column in header.columns]
        self.state = ExcelCsvState()

    def begin(self) -> bytes:
        """Returns the byte order mark and the headings, in the locale's language."""
        headings = _encode_texts([column.heading.encode() for column in self._header.columns])
        return b"\xef\xbb\xbf" + encode_lines([tuple(headings)], self._separator)

    def add(self, batch: Batch) -> bytes:
        """Returns the lines of these rows."""
        self.state.rows += len(batch)
        if not batch.rows:
            return b""
        columns = [encode(cells) for encode, cells in zip(self._encoders, batch.columns, strict=True)]
        return encode_lines(list(zip(*columns, strict=True)), self._separator)

    def end(self) -> bytes:
        """Returns nothing more. Raises RowCountMismatch."""
        if self.state.rows != self._header.rows:
            raise RowCountMismatch(f"{self.state.rows} rows came, the snapshot counted {self._header.rows}")
        return b""


def _encoder(column: Column, locale: Locale) -> Encode:
    mark = locale.decimal.encode()
    encoders: dict[Kind, Encode] = {
        "integer": lambda cells: _encode_numbers(cells, mark),
        "amount": lambda cells: _encode_numbers(cells, mark),
        "timestamp": lambda cells: _encode_moments(cells, mark),
        "date": _encode_dates,
        "text": _encode_texts,
        "json": _encode_texts,
    }
    return encoders[column.kind]


def _encode_numbers(cells: Cells, mark: bytes) -> Cells:
    # Short ones lose no digit; infinities begin like a formula.
    is_plain = all(len(cell) <= _DIGITS_KEPT and cell[-1:] != b"y" for cell in cells if cell is not None)
    if is_plain and mark == b".":
        return cells
    if is_plain and None not in cells:
        return b"\0".join(cells).replace(b".", mark).split(b"\0")  # type: ignore[arg-type]
    return [None if cell is None else _encode_number(cell).replace(b".", mark) for cell in cells]


def _encode_number(cell: bytes) -> bytes:
    if not _NUMBER.fullmatch(cell):
        return _encode_text(cell)
    digits = cell.replace(b".", b"").strip(b"-0")
    return b'="%b"' % cell if len(digits) > _DIGITS_KEPT else cell


def _encode_moments(cells: Cells, mark: bytes) -> Cells:
    """Without the offset. In most batches all moments have the same one, and no fraction of a second."""
    if None not in cells:
        joined = b"\0".join([*cells, b""])  # type: ignore[list-item]
        offset = joined[-4:]
        rows = len(cells)
        if (
            offset[:1] in b"+-"
            and b"." not in joined
            and joined.count(b" ") == rows
            and joined.count(b":") == 2 * rows == 2 * joined.count(offset)
        ):
            return joined.replace(offset, b"\0").split(b"\0")[:-1]
    return [None if cell is None else _encode_moment(cell, mark) for cell in cells]


def _encode_moment(cell: bytes, mark: bytes) -> bytes:
    # Only what has a time can have an offset: the end of a date looks like one.
    local = _OFFSET.sub(b"", cell) if b":" in cell else cell
    return _encode_date(local.replace(b".", mark))


def _encode_dates(cells: Cells) -> Cells:
    return [None if cell is None else _encode_date(cell) for cell in cells]


def _encode_date(cell: bytes) -> bytes:
    """ISO 8601 is a date to every Excel; only minus infinity begins like a formula."""
    return b"'" + cell if cell.startswith(b"-") else cell


def _encode_texts(cells: Cells) -> Cells:
    """A look at the first characters tells for most batches that nothing can be damaged or run."""
    firsts = {cell[:1] for cell in cells if cell is not None}
    if firsts.isdisjoint(_RISKY):
        return cells
    return [None if cell is None else _encode_text(cell) if cell[:1] in _RISKY else cell for cell in cells]


def _encode_text(cell: bytes) -> bytes:
    if _SAFE_NUMBER.fullmatch(cell):
        return cell
    if _LIKE_A_NUMBER.fullmatch(cell):
        return b'="%b"' % cell
    return b"'" + cell if cell.startswith(_RUN) else cell
