"""Right-aligned columns, most of which are numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from resma.i18n.locales import Locale
from resma.report.kinds import DATED, UNBOUNDED
from resma.writers.pdf.layout import LEADING, SIZE, Cell, Layout
from resma.writers.pdf.syntax.objects import escaped, number
from resma.writers.pdf.table.left_column import joined
from resma.writers.pdf.table.timestamps import USUAL, TimestampCells
from resma.writers.pdf.text.cp1252 import DIGITS_ALIKE, MARK, UNIT, encode, metrics, single_group, visible
from resma.writers.pdf.text.unicode import WideText

_SIZE = number(SIZE)
_REGULAR = b"/R1 %b Tf" % _SIZE
_MAX_SHAPES = 2_000
_LONG_SHAPE = 64
_AS_IT_IS = bytes({*range(32, 127), *range(128, 256)} - set(b"\\()"))
"""Bytes of Windows-1252 that need no escape in a string."""

_SPECIAL = "\x01"
"""Marks the line of a cell that a template cannot show. It is a control character, which cells do not contain here."""

CellTemplate = tuple[str, int, str]
"""Template of a shape: the operators before the string, the index of a thousands separator (0 if none), the
separator."""


class RightColumn:
    """A right-aligned column. Each cell is shown by a template, which is cached by the shape of the cell.

    All digits of the face have the same width. Therefore "-1234.56" and "-9876.54" have the same shape, `-0000.00`, the
    same width and the same positions of separators. A report has about a dozen shapes. Numbers are never parsed.
    """

    def __init__(self, cell: Cell, layout: Layout, locale: Locale, wide: WideText) -> None:
        column = cell.column
        self._slots = layout.slots
        self._right, self._first_line = cell.right - cell.padding, layout.first_line
        self._at = f"1 0 0 1 {self._right:.2f} {self._first_line:.2f} Tm\n"
        self._text_width = cell.text_width / SIZE * 1000
        self._metrics = metrics("R")
        self._wide = wide
        kind = column.kind
        self._is_number = kind in {"integer", "amount"}
        self._locale = locale
        # One character per byte of the one-byte fonts, like the cells that it is inserted into.
        self._group = single_group(locale.group).decode("latin-1") if column.grouped and self._is_number else ""
        self._decimal = locale.decimal
        self._scale = column.scale if kind == "amount" else 0
        # Replaces the decimal point of Postgres for all cells at once; thousands separators are added later.
        self._marks = bytes.maketrans(b".", locale.decimal.encode("ascii")) if self._is_number else None
        self._number = re.compile(rb"-?(0+)(?:%b(0+))?" % re.escape(locale.decimal.encode("ascii")))
        self._cuts = kind in UNBOUNDED
        fractions = self._metrics.width(USUAL + b".000000") <= self._text_width
        self._timestamps = TimestampCells(locale, fractions=fractions) if kind in DATED else None
        self._templates = _TemplateCache(self._template)
        self._has_special_cells = False

    def blocks(self, cells: Sequence[bytes | None]) -> list[bytes]:
        """Returns the page content of each page, which starts at the top of the column."""
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
        """Returns the blocks if all cells are integers of one length, such as ids, which have the same width."""
        count, size = len(cells), len(cells[0])
        if not cells[0].isdigit() or self._scale or (self._group and size > 3):
            return None
        if blob.translate(DIGITS_ALIKE) != ((b"0" * size + b"\0") * count)[:-1]:
            return None
        width = self._metrics.width(cells[0])
        if width > self._text_width:
            return None
        # All cells have the same width, so they can be left-aligned at the same position.
        start = b"1 0 0 1 %.2f %.2f Tm\n(" % (self._right - width * SIZE / 1000, self._first_line)
        slots = self._slots
        return [b"%b%b)'\n" % (start, b")'(".join(cells[at : at + slots])) for at in range(0, count, slots)]

    def _lines(self, cells: Sequence[bytes], blob: bytes) -> list[str]:
        """Returns the content of each cell, without the end of the string, which is the same for all cells."""
        if not blob.isascii():
            blob = encode(blob, self._metrics.special(self._metrics.look(blob)))
        if self._marks:
            blob = blob.translate(self._marks)
        templates = map(self._templates.__getitem__, blob.translate(DIGITS_ALIKE).split(b"\0"))
        texts = blob.decode("latin-1").split("\0")  # one character per byte, whatever the encoding
        lines = [
            f"{before}{t[:cut]}{mark}{t[cut:]}" if cut else before + t
            for (before, cut, mark), t in zip(templates, texts, strict=True)
        ]
        if self._has_special_cells and _SPECIAL in "".join(lines):
            for at, line in enumerate(lines):
                if line.startswith(_SPECIAL):
                    lines[at] = self._special_line(texts[at].encode("latin-1"), cells[at]).decode("latin-1")
        return lines

    def _template(self, shape: bytes) -> CellTemplate:
        number = self._number.fullmatch(shape) if self._is_number else None
        cuts = self._group_cuts(shape) if number and self._group else []
        plain = len(cuts) < 2 and not shape.translate(None, _AS_IT_IS)
        width = self._metrics.width(shape) + len(cuts) * self._metrics.width(self._group.encode("latin-1"))
        before = self._before(width, self._blank(len(number[2] or b"")) if number else 0)
        if before is None or not plain:
            self._has_special_cells = True
            return _SPECIAL, 0, ""
        return (before, cuts[0], self._group) if cuts else (before, 0, "")

    def _group_cuts(self, number: bytes) -> list[int]:
        """Returns the positions of thousands separators, as indexes into the ungrouped number."""
        sign = number.startswith(b"-")
        end = len(number.partition(self._decimal.encode("ascii"))[0])
        return [cut + sign for cut in self._locale.group_cuts(end - sign)]

    def _blank(self, decimals: int) -> int:
        """Returns the space to the right of a number that aligns the decimal marks of the column."""
        missing = self._scale - decimals
        if missing <= 0:
            return 0
        mark = 0 if decimals else self._metrics.width(self._decimal.encode("ascii"))
        return missing * self._metrics.width(b"0") + mark

    def _before(self, width: int, blank: int = 0) -> str | None:
        """Returns operators that start a line and move left by the string's width; None if the string does not fit."""
        if width > self._text_width:
            return None
        return f"T*[{width + int(min(blank, self._text_width - width))}("

    def _special_line(self, shown: bytes, cell: bytes) -> bytes:
        """Returns the line of a cell that a template cannot show.

        Such a cell is too wide, has several thousands separators, or has characters that need an escape or another
        font.
        """
        if shown.isascii():
            shown = encode(shown, self._metrics.special(self._metrics.look(shown)))  # replaces control characters
        if MARK in shown or b"\1" in shown:
            return self._apart(cell)
        number = self._number.fullmatch(shown.translate(DIGITS_ALIKE)) if self._is_number else None
        if number and self._group:
            bounds = [None, *self._group_cuts(shown), None]
            pieces = [shown[a:b] for a, b in pairwise(bounds)]
            shown = self._group.encode("latin-1").join(pieces)
        elif self._cuts and self._metrics.width(shown) > self._text_width:
            shown = self._metrics.cut(shown, int(self._text_width / UNIT))
        width = self._metrics.width(shown)
        before = self._before(width, self._blank(len(number[2] or b"")) if number else 0)
        if before is not None:
            return before.encode("ascii") + escaped(shown)
        # Digits are never cut. The font size and the horizontal scaling (Tf and Tz, §9.3.4) are reduced equally.
        factor = (self._text_width / max(1, width)) ** 0.5
        condensed = b"T*/R1 %.2f Tf %.1f Tz" % (max(0.05, SIZE * factor), max(0.5, 100 * factor))
        return b"%b[%d(%b)]TJ/R1 %b Tf 100 Tz[(" % (condensed, width, escaped(shown), _SIZE)

    def _apart(self, cell: bytes) -> bytes:
        """Returns the line of a cell with characters beyond Windows-1252.

        It moves left from the right edge by the cell's width, and back to the edge afterwards.
        """
        text = self._wide.cut(visible(cell.decode("utf-8")), self._text_width)
        width = number(self._wide.measure(text) * SIZE / 1000)
        shown = self._wide.show(text, SIZE)
        return b"-%b -%b Td %b%b %b 0 Td[(" % (width, number(LEADING), shown, _REGULAR, width)


class _TemplateCache(dict[bytes, CellTemplate]):
    """Templates by shape, created on first use. The number of templates is limited."""

    def __init__(self, make: Callable[[bytes], CellTemplate]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, shape: bytes) -> CellTemplate:
        template = self._make(shape)
        if len(shape) <= _LONG_SHAPE:
            if len(self) >= _MAX_SHAPES:
                self.clear()
            self[shape] = template
        return template
