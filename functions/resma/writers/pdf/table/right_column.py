"""Columns that stand on the right, numbers above all."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from resma.i18n.locales import Locale
from resma.writers.pdf.layout import LEADING, SIZE, Cell, Layout
from resma.writers.pdf.syntax.objects import escaped, number
from resma.writers.pdf.table.left_column import joined
from resma.writers.pdf.table.timestamps import USUAL, TimestampCells
from resma.writers.pdf.text.cp1252 import DIGITS_ALIKE, MARK, UNIT, encode, metrics, visible
from resma.writers.pdf.text.unicode import WideText

_SIZE = number(SIZE)
_REGULAR = b"/R1 %b Tf" % _SIZE
_MAX_SHAPES = 2_000
_LONG_SHAPE = 64
_AS_IT_IS = bytes({*range(32, 127), *range(128, 256)} - set(b"\\()"))
"""Bytes of Windows-1252 that stand in a string for themselves."""

_BY_HAND = "\x01"
"""Begins the line of a cell that needs more than one cut. A control character, so it is in no text."""

Plain = tuple[str, int, str]
"""How a shape is shown: what comes before the string, after how many characters there is a mark, and the mark."""


class RightColumn:
    """Cells from the right, each by a recipe that is kept for its shape.

    All digits of the face are of one width, so that "-1234.56" and "-9876.54" have one shape, `-0000.00`, one
    width and the same places for the marks: a report has a dozen shapes. No number is ever parsed.
    """

    def __init__(self, cell: Cell, layout: Layout, locale: Locale, wide: WideText) -> None:
        column = cell.column
        self._slots = layout.slots
        self._right, self._first_line = cell.right - cell.padding, layout.first_line
        self._at = f"1 0 0 1 {self._right:.2f} {self._first_line:.2f} Tm\n"
        self._room = cell.text_width / SIZE * 1000
        self._metrics = metrics("R")
        self._wide = wide
        kind = column.kind
        self._is_number = kind in {"integer", "amount"}
        self._group = locale.group if column.grouped and self._is_number else ""
        self._decimal = locale.decimal
        self._scale = column.scale if kind == "amount" else 0
        # Postgres' point to the locale's mark, for all cells at once; groups are set apart later.
        self._marks = bytes.maketrans(b".", locale.decimal.encode("ascii")) if self._is_number else None
        self._number = re.compile(rb"-?(0+)(?:%b(0+))?" % re.escape(locale.decimal.encode("ascii")))
        self._cuts = kind in {"text", "json"}
        fractions = self._metrics.width(USUAL + b".000000") <= self._room
        self._timestamps = TimestampCells(locale, fractions=fractions) if kind in {"date", "timestamp"} else None
        self._recipes = _Recipes(self._recipe)
        self._has_by_hand = False

    def blocks(self, cells: Sequence[bytes | None]) -> list[bytes]:
        """A block a page, each beginning at the column's top."""
        texts, blob = joined(cells)
        if self._timestamps:
            texts = self._timestamps.each(texts)
            blob = b"\0".join(texts)
        if blocks := self._alike(texts, blob):
            return blocks
        lines = self._lines(texts, blob)
        at, slots = self._at, self._slots
        return [
            (at + ")]TJ\n".join(lines[i : i + slots]) + ")]TJ\n").encode("latin-1") for i in range(0, len(lines), slots)
        ]

    def _alike(self, cells: Sequence[bytes], blob: bytes) -> list[bytes] | None:
        """Whole numbers of one length, as ids are, need no look at each."""
        count, size = len(cells), len(cells[0])
        if not cells[0].isdigit() or self._scale or (self._group and size > 3):
            return None
        if blob.translate(DIGITS_ALIKE) != ((b"0" * size + b"\0") * count)[:-1]:
            return None
        width = self._metrics.width(cells[0])
        if width > self._room:
            return None
        # Of one width, so they may as well stand on the left of it.
        start = b"1 0 0 1 %.2f %.2f Tm\n(" % (self._right - width * SIZE / 1000, self._first_line)
        slots = self._slots
        return [b"%b%b)'\n" % (start, b")'(".join(cells[at : at + slots])) for at in range(0, count, slots)]

    def _lines(self, cells: Sequence[bytes], blob: bytes) -> list[str]:
        """What shows each cell, but for the end of a string that all have."""
        if not blob.isascii():
            blob = encode(blob, self._metrics.odd(self._metrics.look(blob)))
        if self._marks:
            blob = blob.translate(self._marks)
        recipes = map(self._recipes.__getitem__, blob.translate(DIGITS_ALIKE).split(b"\0"))
        texts = blob.decode("latin-1").split("\0")  # one character a byte, whatever the encoding
        lines = [
            f"{before}{t[:cut]}{mark}{t[cut:]}" if cut else before + t
            for (before, cut, mark), t in zip(recipes, texts, strict=True)
        ]
        if self._has_by_hand and _BY_HAND in "".join(lines):
            for at, line in enumerate(lines):
                if line.startswith(_BY_HAND):
                    lines[at] = self._by_hand(texts[at].encode("latin-1"), cells[at]).decode("latin-1")
        return lines

    def _recipe(self, shape: bytes) -> Plain:
        number = self._number.fullmatch(shape) if self._is_number else None
        cuts = self._group_cuts(shape) if number and self._group else []
        plain = len(cuts) < 2 and not shape.translate(None, _AS_IT_IS)
        width = self._metrics.width(shape) + len(cuts) * self._metrics.width(self._group.encode("ascii"))
        before = self._before(width, self._blank(len(number[2] or b"")) if number else 0)
        if before is None or not plain:
            self._has_by_hand = True
            return _BY_HAND, 0, ""
        return (before, cuts[0], self._group) if cuts else (before, 0, "")

    def _group_cuts(self, number: bytes) -> list[int]:
        """Where marks go between the digits of the integer part, as indices into the ungrouped text."""
        end = len(number.partition(self._decimal.encode("ascii"))[0])
        return list(range(end - 3, 1 if number.startswith(b"-") else 0, -3))[::-1]

    def _blank(self, decimals: int) -> int:
        """What stays free on the right of a number, so that a column's decimal marks stand one below the other."""
        missing = self._scale - decimals
        if missing <= 0:
            return 0
        mark = 0 if decimals else self._metrics.width(self._decimal.encode("ascii"))
        return missing * self._metrics.width(b"0") + mark

    def _before(self, width: int, blank: int = 0) -> str | None:
        """A line's start, and back from the right edge by the string's width; None for one wider than the column."""
        if width > self._room:
            return None
        return f"T*[{width + int(min(blank, self._room - width))}("

    def _by_hand(self, shown: bytes, cell: bytes) -> bytes:
        """The line of a cell that is too wide, or has several marks, or characters that need an escape or a font."""
        if shown.isascii():
            shown = encode(shown, self._metrics.odd(self._metrics.look(shown)))  # for control characters
        if MARK in shown or b"\1" in shown:
            return self._apart(cell)
        number = self._number.fullmatch(shown.translate(DIGITS_ALIKE)) if self._is_number else None
        if number and self._group:
            bounds = [None, *self._group_cuts(shown), None]
            pieces = [shown[a:b] for a, b in pairwise(bounds)]
            shown = self._group.encode("ascii").join(pieces)
        elif self._cuts and self._metrics.width(shown) > self._room:
            shown = self._metrics.cut(shown, int(self._room / UNIT))
        width = self._metrics.width(shown)
        before = self._before(width, self._blank(len(number[2] or b"")) if number else 0)
        if before is not None:
            return before.encode("ascii") + escaped(shown)
        # Digits are never cut: it is made smaller and narrower by equal parts (Tf and Tz, §9.3.4).
        part = (self._room / max(1, width)) ** 0.5
        squeezed = b"T*/R1 %.2f Tf %.1f Tz" % (max(0.05, SIZE * part), max(0.5, 100 * part))
        return b"%b[%d(%b)]TJ/R1 %b Tf 100 Tz[(" % (squeezed, width, escaped(shown), _SIZE)

    def _apart(self, cell: bytes) -> bytes:
        """A cell beyond Windows-1252: back from the right edge by its width, and after it to the edge again."""
        text = self._wide.cut(visible(cell.decode("utf-8")), self._room)
        width = number(self._wide.measure(text) * SIZE / 1000)
        shown = self._wide.show(text, SIZE)
        return b"-%b -%b Td %b%b %b 0 Td[(" % (width, number(LEADING), shown, _REGULAR, width)


class _Recipes(dict[bytes, Plain]):
    """Shape to recipe, made on first use, as many as a report of numbers needs."""

    def __init__(self, make: Callable[[bytes], Plain]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, shape: bytes) -> Plain:
        recipe = self._make(shape)
        if len(shape) <= _LONG_SHAPE:
            if len(self) >= _MAX_SHAPES:
                self.clear()
            self[shape] = recipe
        return recipe
