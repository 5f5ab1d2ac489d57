"""Cells of a sheet (ECMA-376 Part 1 §18.3.1.4), a column of a batch at a time.

Nearly all columns of a batch hold nothing to escape, and searches by C code over all of it tell: then its cells go out
as they came, between two constants. Only the others are looked at one by one. How a cell is written never depends on
its neighbours, or the bytes would depend on the batches.

- Cells carry no reference (`r="A1"` is optional: a cell without one is the next), which is a third of the file. NULL is
  an empty cell.
- Text is `t="str"`, the shortest there is. Text that a reader might change - space at its ends, which XML readers trim,
  control characters, what looks like an escape - is an inline string with `xml:space` and the escapes of ST_Xstring
  (Part 1 §22.9.2.19). A formula is another element, so text that looks like one stays text.
- Numbers of up to 15 digits are numbers, as many as Excel keeps; longer ones are text, and so are NaN and Infinity.
- Days and times are serial numbers (`resma.writers.xlsx.serials`); those that Excel has no number for are text.
- A text that is longer than Excel's 32,767 characters ends the report: a file that lacks some of it would be wrong.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Sequence

from resma.errors import FormatCannotHold
from resma.header import Column
from resma.writers.xlsx.serials import DaySerials, TimeSerials

MOST_CHARACTERS = 32_767
MOST_DIGITS = 15
"""Excel's limits (Microsoft: Excel specifications and limits). Characters are UTF-16 units."""

NULL = b"<c/>"

Cells = tuple[bool, Sequence[bytes]]
"""Of one column: whether they are whole `<c>` elements, or go between the column's constants."""

_CONTROLS = bytes(range(1, 32))
_ODD = re.compile(rb"\A[ ]|[ ]\Z|[\x01-\x1f]|\xef\xbf[\xbe\xbf]|_x[0-9A-Fa-f]{4}_")
_ESCAPED = re.compile(rb"[\x01-\x08\x0b-\x1f]|\xef\xbf[\xbe\xbf]|_(?=x[0-9A-Fa-f]{4}_)")
_NUMBER = re.compile(rb"-?(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?(?:e[+-]?[0-9]{1,2})?")
_MOST_NUMBER_BYTES = 200


class ColumnCells:
    """How one column is written: `encode` for a batch of it, `open` and `close` for the cells that come bare."""

    def __init__(self, column: Column, style: int) -> None:
        self._column = column
        self._style = b' s="%d"' % style if style else b""
        self._days, self._times = DaySerials(), TimeSerials()
        # Not a bound method: it would hold what holds it, tables included, until the garbage collector comes by.
        self._encode = _ENCODERS.get(column.kind, ColumnCells._texts)
        self.open = (b"<c%b><v>" if column.kind in _ENCODERS else b'<c%b t="str"><v>') % self._style
        self.close = b"</v></c>"
        self._whole = self.open + b"%b" + self.close

    def encode(self, cells: Sequence[bytes | None]) -> Cells:
        """A batch's cells of this column."""
        return self._encode(self, cells)

    def _texts(self, cells: Sequence[bytes | None]) -> Cells:
        try:
            joined, nulls = b"\0".join(cells), False  # type: ignore[arg-type]
        except TypeError:  # a NULL: the cheapest way to find one
            joined, nulls = b"\0".join(filter(None, cells)), True
        if len(joined) > MOST_CHARACTERS:
            self._refuse_too_long(cells)
        if _may_be_odd(joined):
            return True, [NULL if cell is None else self.text(cell) for cell in cells]
        texts: Sequence[bytes] = cells  # type: ignore[assignment]
        if b"&" in joined or b"<" in joined or b">" in joined:
            joined = b"\0".join([cell or b"" for cell in cells]) if nulls else joined
            texts = _escape(joined).split(b"\0")
        if not nulls:
            return False, texts
        pairs = zip(cells, texts, strict=True)
        return True, [NULL if cell is None else self._whole % text for cell, text in pairs]

    def _numbers(self, cells: Sequence[bytes | None]) -> Cells:
        try:
            if _are_short_numbers(cells):  # type: ignore[arg-type]
                return False, cells  # type: ignore[return-value]
        except (TypeError, ValueError):
            pass  # NULL, or text in a column that the catalogue calls a number
        return True, [NULL if cell is None else self._number(cell) for cell in cells]

    def _dates(self, cells: Sequence[bytes | None]) -> Cells:
        days = self._days
        try:
            return False, [days[cell] for cell in cells]  # type: ignore[index]
        except (TypeError, ValueError):
            return True, [NULL if cell is None else self._moment(cell) for cell in cells]

    def _timestamps(self, cells: Sequence[bytes | None]) -> Cells:
        days, times = self._days, self._times
        try:
            return False, [days[cell[:10]] + times[cell[10:]] for cell in cells]  # type: ignore[index]
        except (TypeError, ValueError):
            return True, [NULL if cell is None else self._moment(cell) for cell in cells]

    def _moment(self, cell: bytes) -> bytes:
        try:
            serial = self._days[cell[:10]] + (self._times[cell[10:]] if cell[10:] else b"")
        except ValueError:
            return self.text(cell)
        return self.open + serial + self.close

    def _number(self, cell: bytes) -> bytes:
        found = _NUMBER.fullmatch(cell)
        if not found or len(cell) > _MOST_NUMBER_BYTES:
            return self.text(cell)
        # Zeros at the ends are no digits that could be lost.
        digits = b"".join(found.groups(b"")).strip(b"0")
        return self.open + cell + self.close if len(digits) <= MOST_DIGITS else self.text(cell)

    def text(self, cell: bytes) -> bytes:
        """One text as a whole cell."""
        if not _ODD.search(cell):
            return b'<c%b t="str"><v>%b</v></c>' % (self._style, _escape(cell))
        text = _escape(_ESCAPED.sub(_xstring, cell))
        return b'<c%b t="inlineStr"><is><t xml:space="preserve">%b</t></is></c>' % (self._style, text)

    def _refuse_too_long(self, cells: Sequence[bytes | None]) -> None:
        for cell in filter(None, cells):
            if len(cell) <= MOST_CHARACTERS:
                continue  # no character has more UTF-16 units than bytes of UTF-8
            characters = len(cell.decode().encode("utf-16-le")) // 2
            if characters > MOST_CHARACTERS:
                raise FormatCannotHold(
                    f"column {self._column.name} holds a text of {characters:,} characters, and a cell of Excel "
                    f"{MOST_CHARACTERS:,}: leave the column out, or ask for another format"
                )


_ENCODERS: dict[str, Callable[[ColumnCells, Sequence[bytes | None]], Cells]] = {
    "integer": ColumnCells._numbers,
    "amount": ColumnCells._numbers,
    "date": ColumnCells._dates,
    "timestamp": ColumnCells._timestamps,
}
"""By kind; all others are texts."""


def _may_be_odd(joined: bytes) -> bool:
    """Whether any text, of those joined by zero bytes, may need more than `&<>` escaped.

    For a single byte `in` is memchr; where that finds none, the longer searches are spared.
    """
    if len(joined.translate(None, _CONTROLS)) < len(joined):
        return True
    if b" " in joined and (joined[:1] == b" " or joined[-1:] == b" " or b"\0 " in joined or b" \0" in joined):
        return True
    return (b"_" in joined and b"_x" in joined) or (b"\xef" in joined and b"\xef\xbf" in joined)


def _are_short_numbers(cells: Sequence[bytes]) -> bool:
    """Whether all are plain numbers of few digits. Raises ValueError for what looks like one and isn't (`1-2`)."""
    if b"\0".join(cells).translate(None, b"-.0123456789\0") or max(map(len, cells)) > MOST_DIGITS:
        return False
    deque(map(float, cells), maxlen=0)  # runs it in C
    return True


def _escape(text: bytes) -> bytes:
    return text.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")


def _xstring(found: re.Match[bytes]) -> bytes:
    return b"_x%04X_" % ord(found[0].decode())
