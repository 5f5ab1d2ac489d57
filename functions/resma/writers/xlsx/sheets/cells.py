"""Encodes cells of a data sheet (ECMA-376 Part 1 §18.3.1.4), one column of a batch at a time.

Nearly all columns of a batch contain nothing to escape, which a search by C code over the joined cells shows. Such
cells are copied between two constants; only the others are encoded one by one. The encoding of a cell never depends on
how rows are split into batches.

- Every cell has its reference (`r="A1"`): the schema does not require it, but many readers do. The row number is a zero
  byte here, which Postgres text cannot contain, and is filled in when the row is assigned to a sheet.
- NULL has no cell, except an empty one in the first column, so that every row has a cell: readers omit rows without
  cells at the end of a sheet.
- Every cell has its type as the first attribute, including numbers, for which the schema does not require it: the more
  similar cells are, the faster DEFLATE is, and the file does not become larger.
- A string is `t="str"`, the shortest type; repeated strings are shared (shared_strings.py). A string that a reader
  might change is an inline string with `xml:space` and the escapes of ST_Xstring (Part 1 §22.9.2.19): one with spaces
  at its ends, which XML readers trim, control characters, or characters that look like an escape. Formulas use another
  element, so that a string that looks like a formula stays a string.
- Numbers are numeric cells if a double holds them (syntax/numbers.py). Others are stored as text, counted, and keep
  Excel's marker for numbers stored as text. NaN and Infinity are text too.
- Floats are numeric cells with all of their digits.
- Dates, times and durations are serial numbers (syntax/serials.py). Those that have none in Excel are text.
- Booleans are cells of type `b`.
- A string that is longer than Excel's 32,767 characters is an error, because a file with truncated data would be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from resma.errors import FormatLimitError
from resma.i18n.locales import DEFAULT_LOCALE, Locale
from resma.report.header import Column
from resma.report.intervals import interval_in_words, parse_interval
from resma.writers.excel.limits import MAX_CELL_CHARACTERS, utf16_units
from resma.writers.xlsx.syntax.numbers import are_short_numbers, is_number
from resma.writers.xlsx.syntax.serials import (
    MINUTES,
    TIME_BYTES,
    DaySerials,
    SecondOffsets,
    duration_serial,
    time_serial,
    times_of_day,
    timestamp_serial,
    timestamp_serials,
)

ROW_NUMBER = b"\0"
"""Placeholder for the row number in references."""

Cells = tuple[bool, Sequence[bytes]]
"""Encoded cells of one column: whether they are whole `<c>` elements (or only their content), and the cells."""

_CONTROLS = bytes(range(1, 32))
_NEEDS_INLINE = re.compile(rb"\A[ ]|[ ]\Z|[\x01-\x1f]|\xef\xbf[\xbe\xbf]|_x[0-9A-Fa-f]{4}_")
_ESCAPED = re.compile(rb"[\x01-\x08\x0b-\x1f]|\xef\xbf[\xbe\xbf]|_(?=x[0-9A-Fa-f]{4}_)")


@dataclass(slots=True)
class NumbersAsText:
    """Numbers of one column that are stored as text. It is part of the writer's state."""

    first_row: int = 0
    rows: int = 0

    def count(self, row: int) -> None:
        """Counts a number in this row of the report, counted from 1."""
        self.first_row = self.first_row or row
        self.rows += 1


class ColumnCells:
    """Encodes the cells of one column. `open` and `close` enclose cells that `encode` does not return as elements."""

    def __init__(self, column: Column, style: int, letters: str, locale: Locale = DEFAULT_LOCALE) -> None:
        self.column = column
        self._locale = locale
        self.numbers_as_text = NumbersAsText()
        self._style = b' s="%d"' % style if style else b""
        self._reference = b' r="%b%b"' % (letters.encode(), ROW_NUMBER)
        self.null = b"<c%b/>" % self._reference if letters == "A" else b""
        self._days, self._seconds = DaySerials(), SecondOffsets()
        # A function, because a bound method would be a reference cycle, which only the garbage collector frees.
        self._encode = _ENCODERS.get(column.kind, ColumnCells._strings)
        kind = _TYPES.get(column.kind, b"n") if column.kind in _ENCODERS else b"str"
        self.open = b'<c t="%b"%b%b><v>' % (kind, self._style, self._reference)
        self.close = b"</v></c>"
        self._whole = self.open + b"%b" + self.close

    def encode(self, cells: Sequence[bytes | None], first_row: int) -> Cells:
        """Encodes a batch's cells. `first_row` is the row number of the first, from 1. Raises FormatLimitError."""
        return self._encode(self, cells, first_row)

    def encode_whole(self, cells: Sequence[bytes | None], first_row: int) -> Sequence[bytes]:
        """Encodes cells like `encode`, but always as whole elements."""
        whole, encoded = self.encode(cells, first_row)
        return encoded if whole else [self._whole % cell for cell in encoded]

    def shared(self, index: int) -> bytes:
        """Returns a whole cell that refers to a shared string."""
        return b'<c t="s"%b%b><v>%d</v></c>' % (self._style, self._reference, index)

    def text(self, cell: bytes) -> bytes:
        """Returns a whole cell with a string."""
        if not needs_inline_string(cell):
            return b'<c t="str"%b%b><v>%b</v></c>' % (self._style, self._reference, escape(cell))
        text = escape(_ESCAPED.sub(_xstring, cell))
        inline = b'<c t="inlineStr"%b%b><is><t xml:space="preserve">%b</t></is></c>'
        return inline % (self._style, self._reference, text)

    def _strings(self, cells: Sequence[bytes | None], first_row: int) -> Cells:
        try:
            joined, nulls = b"\0".join(cells), False  # type: ignore[arg-type]
        except TypeError:  # a NULL: the cheapest way to find one
            joined, nulls = b"\0".join(filter(None, cells)), True
        if len(joined) > MAX_CELL_CHARACTERS:
            self._refuse_too_long(cells, first_row)
        if _may_need_inline_string(joined):
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
            # Inlines `timestamp_serial`, because function calls would take as long as the rest.
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

    def _floats(self, cells: Sequence[bytes | None], first_row: int) -> Cells:
        encoded = []
        for row, cell in enumerate(cells, first_row):
            if cell is None:
                encoded.append(self.null)
            elif cell[-1:].isdigit():
                encoded.append(self._whole % cell)
            else:  # NaN, Infinity
                self.numbers_as_text.count(row)
                encoded.append(self.text(cell))
        return True, encoded

    def _booleans(self, cells: Sequence[bytes | None], first_row: int) -> Cells:  # noqa: ARG002 - refuses nothing
        cell_of = {None: self.null, b"true": self._whole % b"1", b"false": self._whole % b"0"}
        return True, [cell_of[cell] if cell in cell_of else self.text(cell or b"") for cell in cells]

    def _times(self, cells: Sequence[bytes | None], first_row: int) -> Cells:  # noqa: ARG002 - refuses nothing
        return True, [self.null if cell is None else self._time(cell) for cell in cells]

    def _time(self, cell: bytes) -> bytes:
        try:
            return self._whole % time_serial(cell, self._seconds)
        except ValueError:
            return self.text(cell)

    def _intervals(self, cells: Sequence[bytes | None], first_row: int) -> Cells:  # noqa: ARG002 - refuses nothing
        return True, [self.null if cell is None else self._interval(cell) for cell in cells]

    def _interval(self, cell: bytes) -> bytes:
        interval = parse_interval(cell)
        serial = duration_serial(interval.duration) if interval else None
        return self._whole % serial if serial else self.text(interval_in_words(cell, self._locale).encode())

    def _refuse_too_long(self, cells: Sequence[bytes | None], first_row: int) -> None:
        for row, cell in enumerate(cells, first_row):
            if cell is None or len(cell) <= MAX_CELL_CHARACTERS:
                continue  # no character has more UTF-16 units than bytes of UTF-8
            characters = utf16_units(cell.decode())
            if characters > MAX_CELL_CHARACTERS:
                name = self.column.name
                raise FormatLimitError(
                    f"Row {row:,} has a value of {characters:,} characters in column `{name}`, and an Excel cell "
                    f"holds {MAX_CELL_CHARACTERS:,}. Leave the column out, or request another format.",
                    column=name,
                    row=row,
                )


_ENCODERS: dict[str, Callable[[ColumnCells, Sequence[bytes | None], int], Cells]] = {
    "integer": ColumnCells._numbers,
    "amount": ColumnCells._numbers,
    "float": ColumnCells._floats,
    "boolean": ColumnCells._booleans,
    "date": ColumnCells._dates,
    "timestamp": ColumnCells._timestamps,
    "local_timestamp": ColumnCells._timestamps,
    "time": ColumnCells._times,
    "interval": ColumnCells._intervals,
}
"""Encoders by kind of column; all other kinds are strings."""

_TYPES: dict[str, bytes] = {"boolean": b"b"}
"""Types of cells by kind of column; all other kinds with an encoder are numbers."""


def is_text(column: Column) -> bool:
    """Returns whether the cells of the column are strings."""
    return column.kind not in _ENCODERS


def needs_inline_string(text: bytes) -> bool:
    """Returns whether some readers would change this string unless it is an inline string with `xml:space`."""
    return _NEEDS_INLINE.search(text) is not None


def escape(text: bytes) -> bytes:
    """Escapes the reserved characters of XML."""
    return text.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")


def _may_need_inline_string(joined: bytes) -> bool:
    """Returns whether any of the strings, joined by zero bytes, may need more than escapes of `&<>`.

    `in` is a fast memchr for a single byte; if it finds none, the longer searches are skipped.
    """
    if len(joined.translate(None, _CONTROLS)) < len(joined):
        return True
    if b" " in joined and (joined[:1] == b" " or joined[-1:] == b" " or b"\0 " in joined or b" \0" in joined):
        return True
    return (b"_" in joined and b"_x" in joined) or (b"\xef" in joined and b"\xef\xbf" in joined)


def _xstring(match: re.Match[bytes]) -> bytes:
    return b"_x%04X_" % ord(match[0].decode())
