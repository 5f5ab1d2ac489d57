"""Cells of a sheet (ECMA-376 Part 1 §18.3.1.4), a column of a batch at a time.

Nearly all columns of a batch hold nothing to escape, and searches by C code over all of it tell: then its cells go out
as they came, between two constants. Only the others are looked at one by one. How a cell is written never depends on
how rows are cut into batches.

- Every cell has its reference (`r="A1"`): the schema does not require it, but many readers do. The row's number is a
  zero byte here, which no text of Postgres holds, and is filled in when the row has its place on a sheet.
- NULL is no cell at all; but an empty one in the first column, so that no row is without a cell: readers leave such
  rows out at the end of a sheet.
- Every cell says its type first, also numbers, for which the schema does not require it: the more alike cells are, the
  less time DEFLATE takes, and the file is no larger.
- Text is `t="str"`, the shortest there is; texts that repeat are shared (shared_strings.py). Text that a reader
  might change - space at its ends, which XML readers trim, control characters, what looks like an escape - is an inline
  string with `xml:space` and the escapes of ST_Xstring (Part 1 §22.9.2.19). A formula is another element,
  so text that looks like one stays text.
- Numbers are numbers where a double holds them (syntax/numbers.py); the others are text, are counted, and keep Excel's
  mark for numbers stored as text. NaN and Infinity are text too.
- Days and times are serial numbers (syntax/serials.py); those that Excel has no number for are text.
- A text that is longer than Excel's 32,767 characters is refused: a file that lacks some of it would be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from resma.errors import FormatLimitError
from resma.report.header import Column
from resma.writers.excel.limits import MAX_CELL_CHARACTERS, utf16_units
from resma.writers.xlsx.syntax.numbers import are_short_numbers, is_number
from resma.writers.xlsx.syntax.serials import (
    MINUTES,
    TIME_BYTES,
    DaySerials,
    SecondOffsets,
    timestamp_serial,
    timestamp_serials,
    times_of_day,
)

ROW_NUMBER = b"\0"
"""Stands for the number of the row in references."""

Cells = tuple[bool, Sequence[bytes]]
"""Of one column: whether they are whole `<c>` elements, or go between the column's constants."""

_CONTROLS = bytes(range(1, 32))
_ODD = re.compile(rb"\A[ ]|[ ]\Z|[\x01-\x1f]|\xef\xbf[\xbe\xbf]|_x[0-9A-Fa-f]{4}_")
_ESCAPED = re.compile(rb"[\x01-\x08\x0b-\x1f]|\xef\xbf[\xbe\xbf]|_(?=x[0-9A-Fa-f]{4}_)")


@dataclass(slots=True)
class NumbersAsText:
    """Numbers of one column that are text in the file. A plain value: part of the writer's state."""

    first_row: int = 0
    rows: int = 0

    def count(self, row: int) -> None:
        """Counts the number in this row of the report."""
        self.first_row = self.first_row or row
        self.rows += 1


class ColumnCells:
    """How one column is written: `encode` for a batch of it, `open` and `close` for the cells that come bare."""

    def __init__(self, column: Column, style: int, letters: str) -> None:
        self.column = column
        self.numbers_as_text = NumbersAsText()
        self._style = b' s="%d"' % style if style else b""
        self._reference = b' r="%b%b"' % (letters.encode(), ROW_NUMBER)
        self.null = b"<c%b/>" % self._reference if letters == "A" else b""
        self._days, self._seconds = DaySerials(), SecondOffsets()
        # Not a bound method: it would hold what holds it, tables included, until the garbage collector comes by.
        self._encode = _ENCODERS.get(column.kind, ColumnCells._texts)
        kind = b"n" if column.kind in _ENCODERS else b"str"
        self.open = b'<c t="%b"%b%b><v>' % (kind, self._style, self._reference)
        self.close = b"</v></c>"
        self._whole = self.open + b"%b" + self.close

    def encode(self, cells: Sequence[bytes | None], first_row: int) -> Cells:
        """A batch's cells of this column; `first_row` is the first one's, counted from 1. Raises FormatLimitError."""
        return self._encode(self, cells, first_row)

    def encode_whole(self, cells: Sequence[bytes | None], first_row: int) -> Sequence[bytes]:
        """The same, always as whole elements."""
        whole, encoded = self.encode(cells, first_row)
        return encoded if whole else [self._whole % cell for cell in encoded]

    def shared(self, index: int) -> bytes:
        """A whole cell that refers to a shared text."""
        return b'<c t="s"%b%b><v>%d</v></c>' % (self._style, self._reference, index)

    def text(self, cell: bytes) -> bytes:
        """One text as a whole cell."""
        if not is_odd(cell):
            return b'<c t="str"%b%b><v>%b</v></c>' % (self._style, self._reference, escape(cell))
        text = escape(_ESCAPED.sub(_xstring, cell))
        inline = b'<c t="inlineStr"%b%b><is><t xml:space="preserve">%b</t></is></c>'
        return inline % (self._style, self._reference, text)

    def _texts(self, cells: Sequence[bytes | None], first_row: int) -> Cells:
        try:
            joined, nulls = b"\0".join(cells), False  # type: ignore[arg-type]
        except TypeError:  # a NULL: the cheapest way to find one
            joined, nulls = b"\0".join(filter(None, cells)), True
        if len(joined) > MAX_CELL_CHARACTERS:
            self._refuse_too_long(cells, first_row)
        if _may_be_odd(joined):
            return True, [self.null if cell is None else self.text(cell) for cell in cells]
        texts: Sequence[bytes] = cells  # type: ignore[assignment]
        if b"&" in joined or b"<" in joined or b">" in joined:
            joined = b"\0".join([cell or b"" for cell in cells]) if nulls else joined
            texts = escape(joined).split(b"\0")
        if not nulls:
            return False, texts
        pairs = zip(cells, texts, strict=True)
        return True, [self.null if cell is None else self._whole % text for cell, text in pairs]

    def _numbers(self, cells: Sequence[bytes | None], first_row: int) -> Cells:
        try:
            if are_short_numbers(cells):  # type: ignore[arg-type]
                return False, cells  # type: ignore[return-value]
        except TypeError:  # a NULL: the cheapest way to find one
            if are_short_numbers([cell for cell in cells if cell is not None]):
                return True, [self.null if cell is None else self._whole % cell for cell in cells]
        return True, [
            self.null if cell is None else self._number(cell, row) for row, cell in enumerate(cells, first_row)
        ]

    def _number(self, cell: bytes, row: int) -> bytes:
        if is_number(cell, self.column.scale):
            return self._whole % cell
        self.numbers_as_text.count(row)
        return self.text(cell)

    def _dates(self, cells: Sequence[bytes | None], first_row: int) -> Cells:  # noqa: ARG002 - refuses nothing
        days = self._days
        try:
            return False, [days[cell] for cell in cells]  # type: ignore[index]
        except (TypeError, ValueError):
            return True, [self.null if cell is None else self._timestamp(cell) for cell in cells]

    def _timestamps(self, cells: Sequence[bytes | None], first_row: int) -> Cells:  # noqa: ARG002 - refuses nothing
        days, minutes, seconds, times = self._days, MINUTES, self._seconds, times_of_day()
        try:
            if (serials := timestamp_serials(cells, days, seconds)) is not None:  # type: ignore[arg-type]
                return False, serials
            # `timestamp_serial`, without its calls: this is half of the time that such a column takes.
            return False, [
                days[cell[:10]] + times[(at := minutes[cell[10:16]] + seconds[cell[16:]]) : at + TIME_BYTES]  # type: ignore[index]
                for cell in cells
            ]
        except (TypeError, ValueError, KeyError, IndexError):
            return True, [self.null if cell is None else self._timestamp(cell) for cell in cells]

    def _timestamp(self, cell: bytes) -> bytes:
        try:
            return self._whole % timestamp_serial(cell, self._days, self._seconds)
        except ValueError:
            return self.text(cell)

    def _refuse_too_long(self, cells: Sequence[bytes | None], first_row: int) -> None:
        for row, cell in enumerate(cells, first_row):
            if cell is None or len(cell) <= MAX_CELL_CHARACTERS:
                continue  # no character has more UTF-16 units than bytes of UTF-8
            characters = utf16_units(cell.decode())
            if characters > MAX_CELL_CHARACTERS:
                name = self.column.name
                raise FormatLimitError(
                    f"Row {row:,} has a text of {characters:,} characters in column `{name}`, and a cell of Excel "
                    f"holds {MAX_CELL_CHARACTERS:,}. Leave the column out, or request another format.",
                    column=name,
                    row=row,
                )


_ENCODERS: dict[str, Callable[[ColumnCells, Sequence[bytes | None], int], Cells]] = {
    "integer": ColumnCells._numbers,
    "amount": ColumnCells._numbers,
    "date": ColumnCells._dates,
    "timestamp": ColumnCells._timestamps,
}
"""By kind; all others are texts."""


def is_text(column: Column) -> bool:
    """Whether all cells of the column are texts."""
    return column.kind not in _ENCODERS


def is_odd(text: bytes) -> bool:
    """Whether a reader might change this text, unless it is told not to."""
    return _ODD.search(text) is not None


def escape(text: bytes) -> bytes:
    """Escapes what XML reserves."""
    return text.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")


def _may_be_odd(joined: bytes) -> bool:
    """Whether any text, of those joined by zero bytes, may need more than `&<>` escaped.

    For a single byte `in` is memchr; where that finds none, the longer searches are spared.
    """
    if len(joined.translate(None, _CONTROLS)) < len(joined):
        return True
    if b" " in joined and (joined[:1] == b" " or joined[-1:] == b" " or b"\0 " in joined or b" \0" in joined):
        return True
    return (b"_" in joined and b"_x" in joined) or (b"\xef" in joined and b"\xef\xbf" in joined)


def _xstring(found: re.Match[bytes]) -> bytes:
    return b"_x%04X_" % ord(found[0].decode())
