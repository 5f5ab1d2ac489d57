"""Columns that stand on the right, numbers above all."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from resma.locales import Locale
from resma.writers.pdf.layout import LEADING, PADDING, SIZE, Cell, Layout
from resma.writers.pdf.left_column import without_nulls
from resma.writers.pdf.moments import Moments
from resma.writers.pdf.objects import escaped, number
from resma.writers.pdf.single_byte import DIGITS_ALIKE, MARK, UNIT, encode, metrics, visible
from resma.writers.pdf.wide import WideText

_SIZE = number(SIZE)
_REGULAR = b"/R1 %b Tf" % _SIZE
_NUMBER = re.compile(rb"-?(0+)(?:\.(0+))?")
_MOST_SHAPES = 2_000
_LONG_SHAPE = 64

Recipe = Callable[[str], str]


class RightColumn:
    """Cells from the right, each by a recipe that is kept for its shape.

    All digits of the face are of one width, so that "-1234.56" and "-9876.54" have one shape, `-0000.00`, one
    width and the same places for the marks: a report has a dozen shapes. No number is ever parsed.
    """

    def __init__(self, cell: Cell, layout: Layout, locale: Locale, wide: WideText) -> None:
        column = cell.column
        self._slots = layout.slots
        self._at = b"1 0 0 1 %b %b Tm\n" % (number(cell.right - PADDING), number(layout.first_line))
        self._room = cell.text_width / SIZE * 1000
        self._metrics = metrics("R")
        self._wide = wide
        self._group = locale.group if column.grouped else ""
        self._decimal = locale.decimal
        self._scale = column.scale if column.kind == "amount" else 0
        self._is_number = column.kind in {"integer", "amount"}
        self._cuts = column.kind in {"text", "json"}
        self._moments = Moments(locale) if column.kind in {"date", "timestamp"} else None
        self._recipes = _Recipes(self._recipe)

    def blocks(self, cells: Sequence[bytes | None]) -> list[bytes]:
        """A block a page, each beginning at the column's top."""
        texts = without_nulls(cells)
        if self._moments:
            texts = self._moments.each(texts)
        first = texts[0]
        if first.isdigit() and (blocks := self._alike(texts, first)):
            return blocks
        lines = self._lines(texts)
        at, slots = self._at, self._slots
        return [b"%b%b\n" % (at, b"\n".join(lines[i : i + slots])) for i in range(0, len(lines), slots)]

    def _alike(self, cells: Sequence[bytes], first: bytes) -> list[bytes] | None:
        """Whole numbers of one length, as ids are, need no look at each."""
        count, size = len(cells), len(first)
        blob = b"\0".join(cells)
        if blob.translate(DIGITS_ALIKE) != ((b"0" * size + b"\0") * count)[:-1]:
            return None
        if self._group and size > 3 or self._scale:
            return None
        before, after = (part.encode("ascii") for part in self._placed(self._metrics.width(first)))
        between = b")%b\n%b(" % (after, before)
        slots = self._slots
        return [
            b"%b%b(%b)%b\n" % (self._at, before, between.join(cells[at : at + slots]), after)
            for at in range(0, count, slots)
        ]

    def _lines(self, cells: Sequence[bytes]) -> list[bytes]:
        """What shows each cell."""
        blob = b"\0".join(cells)
        odd = self._metrics.odd(self._metrics.look(blob))
        if odd:
            blob = encode(blob, odd)
        recipes = map(self._recipes.__getitem__, blob.translate(DIGITS_ALIKE).split(b"\0"))
        texts = blob.decode("latin-1").split("\0")  # one character a byte, whatever the encoding
        text = "\0".join([recipe(text) for recipe, text in zip(recipes, texts, strict=True)])
        lines = text.encode("latin-1").split(b"\0")
        if MARK in blob:
            for at, cell in enumerate(blob.split(b"\0")):
                if MARK in cell:
                    lines[at] = self._apart(cells[at])
        return lines

    def _recipe(self, shape: bytes) -> Recipe:
        if MARK in shape:
            return lambda _: ""
        width = self._metrics.width(shape)
        if self._cuts and width > self._room:
            return self._cut_text
        found = _NUMBER.fullmatch(shape) if self._is_number else None
        if found:
            return self._number_recipe(shape, len(found[2] or b""))
        before, after = self._placed(width)
        if escaped(shape) != shape:
            return lambda t: f"{before}({escaped(t.encode('latin-1')).decode('latin-1')}){after}"
        return lambda t: f"{before}({t}){after}"

    def _number_recipe(self, shape: bytes, decimals: int) -> Recipe:
        """Marks put where they belong, and the decimal marks of a column one below the other."""
        end = shape.find(b".") if decimals else len(shape)
        cuts = list(range(end - 3, 1 if shape.startswith(b"-") else 0, -3))[::-1] if self._group else []
        digit, decimal = self._metrics.width(b"0"), self._metrics.width(self._decimal.encode("ascii"))
        width = self._metrics.width(shape) + len(cuts) * self._metrics.width(self._group.encode("ascii"))
        width += decimal - self._metrics.width(b".") if decimals else 0
        missing = max(0, self._scale - decimals)
        blank = missing * digit + (decimal if missing and not decimals else 0)
        before, after = self._placed(width, blank)
        return _marking(before + "(", ")" + after, cuts, end if decimals else None, self._group, self._decimal)

    def _placed(self, width: int, blank: int = 0) -> tuple[str, str]:
        """What comes before and after a string of that width: a line's start, and back from the right edge.

        `blank` stays free on the right where there is room. A string wider than the column is made smaller and
        narrower by equal parts (Tf and Tz, §9.3.4).
        """
        if width <= self._room:
            blank = int(min(blank, self._room - width))
            return f"T*[{width + blank}", "]TJ"
        part = (self._room / width) ** 0.5
        squeezed = f"/R1 {max(0.05, SIZE * part):.2f} Tf {max(0.5, 100 * part):.1f} Tz"
        return f"T*{squeezed}[{width}", f"]TJ/R1 {_SIZE.decode()} Tf 100 Tz"

    def _cut_text(self, text: str) -> str:
        """A text in a column of texts set to the right; digits are never cut (codes are Windows-1252)."""
        short = self._metrics.cut(text.encode("latin-1"), int(self._room / UNIT))
        before, after = self._placed(self._metrics.width(short))
        return f"{before}({escaped(short).decode('latin-1')}){after}"

    def _apart(self, cell: bytes) -> bytes:
        """A cell beyond Windows-1252: back from the right edge by its width, and after it to the edge again."""
        text = self._wide.cut(visible(cell.decode("utf-8")), self._room)
        width = number(self._wide.measure(text) * SIZE / 1000)
        return b"-%b -%b Td %b%b %b 0 Td" % (width, number(LEADING), self._wide.show(text, SIZE), _REGULAR, width)


def _marking(before: str, after: str, cuts: Sequence[int], point: int | None, group: str, decimal: str) -> Recipe:
    """A function that puts the locale's marks into a number; the usual cases are spelt out for speed."""
    if not cuts and (point is None or decimal == "."):
        return lambda t: f"{before}{t}{after}"
    if point is None:
        bounds = [(a, b) for a, b in zip([None, *cuts], [*cuts, None], strict=True)]
        return lambda t: before + group.join([t[i:j] for i, j in bounds]) + after
    past = point + 1
    match cuts:
        case []:
            return lambda t: f"{before}{t[:point]}{decimal}{t[past:]}{after}"
        case [a]:
            return lambda t: f"{before}{t[:a]}{group}{t[a:point]}{decimal}{t[past:]}{after}"
        case [a, b]:
            return lambda t: f"{before}{t[:a]}{group}{t[a:b]}{group}{t[b:point]}{decimal}{t[past:]}{after}"
    pieces = list(zip([None, *cuts], [*cuts, point], strict=True))
    return lambda t: f"{before}{group.join([t[i:j] for i, j in pieces])}{decimal}{t[past:]}{after}"


class _Recipes(dict[bytes, Recipe]):
    """Shape to recipe, made on first use, as many as a report of numbers needs."""

    def __init__(self, make: Callable[[bytes], Recipe]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, shape: bytes) -> Recipe:
        recipe = self._make(shape)
        if len(shape) <= _LONG_SHAPE:
            if len(self) >= _MOST_SHAPES:
                self.clear()
            self[shape] = recipe
        return recipe
