"""Columns of text to blocks of page content: the hot loop, 4.5 million cells for a report of 500,000 rows.

Cells are handled by C code a batch at a time. Two separators hold the place of what comes later: U+0000
between cells (Postgres text cannot hold it) and U+0001 between pages. Where a text holds U+0001, or anything
outside Windows-1252, that batch of the column is encoded a page at a time, and the pages that cannot be printed
with one byte a character are left out (None), for `wide`, which is called in the order of pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from resma.writers.pdf.face import UNIT, Codes, Face, single_byte
from resma.writers.pdf.layout import DROP, LEADING, PADDING, ROWS_A_PAGE, ROWS_TOP, SIZE, Cell
from resma.writers.pdf.objects import escaped, number

Texts = Sequence[str | None]

_FIRST_LINE = ROWS_TOP - DROP + LEADING
"""A line above the first baseline: each row moves down before it shows (T*)."""

_SIZE = number(SIZE)
_FRACTION = re.compile(r"\.\d+")
_NUMBER = re.compile(rb"-?0+(\.0+)?")
_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_MOST_SHAPES = 2_000
_LONG_NUMBER = 64
_SAMPLE = 200


class ColumnBlocks(Protocol):
    def blocks(self, texts: Texts) -> list[bytes | None]:
        """Page content for each 50 texts (the last block may hold fewer), None where `wide` is needed."""
        ...

    def wide(self, texts: Texts) -> bytes:
        """Page content for up to 50 texts of any characters."""
        ...


def column_blocks(cell: Cell, face: Face, codes: Codes) -> ColumnBlocks:
    if cell.is_right:
        return RightColumn(cell, face, codes)
    return LeftColumn(cell, face, codes)


def without_nulls(texts: Texts) -> Sequence[str]:
    """NULL shows as nothing. Whether there is one is found out by a join, cheaper than a look at each cell."""
    try:
        "".join(texts)  # type: ignore[arg-type]  # raises at the first None
    except TypeError:
        return [text or "" for text in texts]
    return texts  # type: ignore[return-value]


def joined_pages(texts: Sequence[str]) -> str:
    """Cells between U+0000, pages between U+0000 and U+0001."""
    marked = list(texts)
    marked[ROWS_A_PAGE::ROWS_A_PAGE] = [f"\1{text}" for text in marked[ROWS_A_PAGE::ROWS_A_PAGE]]
    return "\0".join(marked)


def encoded_pages(joined: str, pages: int) -> bytes | None:
    """`joined_pages` in Windows-1252, or None where that cannot be done for all its pages."""
    if joined.count("\1") != pages - 1:
        return None
    return single_byte(joined, one_is_separator=True)


def _cells(texts: Sequence[str]) -> bytes | None:
    """One page's cells in Windows-1252 between zero bytes, or None."""
    return single_byte("\0".join(texts))


class LeftColumn:
    """Text, dates and timestamps from the left; what does not fit ends in an ellipsis."""

    def __init__(self, cell: Cell, face: Face, codes: Codes) -> None:
        self._fit = Fit(face, int(cell.text_width / SIZE * 1000 / UNIT), cell.column.kind)
        self._codes = codes
        self._start = b"1 0 0 1 %b %b Tm\n(" % (number(cell.left + PADDING), number(_FIRST_LINE))
        self._turn = b")'\n\0" + self._start

    def blocks(self, texts: Texts) -> list[bytes | None]:
        """One byte a character, whole batches at a time where it can be."""
        texts = without_nulls(texts)
        pages = -(-len(texts) // ROWS_A_PAGE)
        data = encoded_pages(joined_pages(texts), pages)
        if data is not None:
            longest = max(map(len, texts))
            if self._fit.is_timestamp:
                zoned = len(data)
                data = data.replace(b"+00\0", b"\0").removesuffix(b"+00")
                longest -= 3 if zoned - len(data) == 3 * len(texts) else 0
            if self._fit.all_fit(texts, data, longest):
                return self._shown(data)
        shown = self._fit.each(texts)
        if not self._fit.squeezes:
            data = encoded_pages(joined_pages(shown), pages)
            if data is not None:
                return self._shown(data)
        parts = [shown[i : i + ROWS_A_PAGE] for i in range(0, len(shown), ROWS_A_PAGE)]
        return [self._one_page(part) for part in parts]

    def _one_page(self, shown: Sequence[str]) -> bytes | None:
        data = _cells(shown)
        if data is None or (self._fit.squeezes and min(map(self._fit.share, shown)) < 1):
            return None
        return self._shown(data)[0]

    def _shown(self, data: bytes) -> list[bytes | None]:
        # "'" moves to the next line and shows a string (§9.4.3)
        data = escaped(data).replace(b"\0\1", b"\1").replace(b"\0", b")'(").replace(b"\1", self._turn)
        return list((self._start + data + b")'\n").split(b"\0"))

    def wide(self, texts: Texts) -> bytes:
        shown = self._fit.each(without_nulls(texts), strictly=True)
        if self._fit.squeezes:
            lines = b"".join([b"%.3f Tz(%b)'\n" % (100 * self._fit.share(t), self._codes.encode(t)) for t in shown])
            page = self._start[:-1] + lines + b"100 Tz"
        else:
            page = self._codes.encode("\0".join(shown))
            page = b"%b%b)'" % (self._start, page.replace(b"\0\0", b")'("))
        return b"/R2 %b Tf %b\n/R1 %b Tf\n" % (_SIZE, page, _SIZE)


class Fit:
    """Which texts fit a column, and what is left of those that do not."""

    def __init__(self, face: Face, limit: int, kind: str) -> None:
        """`limit` is the column's width in units of `Face.measure`."""
        self._face = face
        self._limit = limit
        self._safe = limit // face.widest_units
        self.is_timestamp = kind == "timestamp"
        self.squeezes = kind != "text"
        """Dates and numbers that are too wide are made narrower (Tz): cut, they would say something else."""

    def all_fit(self, texts: Sequence[str], data: bytes, longest: int) -> bool:
        """True where a quick look shows that no cell is too wide; False says nothing.

        `data` is what will be shown of `texts`, in Windows-1252, the longest so many characters long.
        """
        if longest <= self._safe:
            return True
        if len(set(texts[:_SAMPLE])) * 4 < _SAMPLE and not self.squeezes:
            return all(self._face.measure(text) <= self._limit for text in set(texts))
        return self._face.bound(data.replace(b"\1", b""), longest) <= self._limit

    def each(self, texts: Sequence[str], *, strictly: bool = False) -> list[str]:
        """The texts as they are shown: timestamps without their zone, nothing wider than the column.

        Unless `strictly`, texts are taken to be in Windows-1252 where that saves measuring them: those of
        other pages come here again.
        """
        shown = self._one if strictly else self._one_single_byte
        distinct = set(texts)
        if len(distinct) * 4 < len(texts):
            known = {text: shown(text) for text in distinct}
            return [known[text] for text in texts]
        return [shown(text) for text in texts]

    def _one_single_byte(self, text: str) -> str:
        return text if len(text) <= self._safe and not self.is_timestamp else self._one(text)

    def _one(self, text: str) -> str:
        """The hour's zone is in the heading. Dates BC and infinity have none and stay as they are."""
        if self.is_timestamp:
            text = text.removesuffix("+00")
        if len(text) <= self._limit and self._face.measure(text) <= self._limit:
            return text
        if self.is_timestamp:
            return _FRACTION.sub("", text)
        return text if self.squeezes else self._face.cut(text, self._limit)

    def share(self, text: str) -> float:
        """By how much a text must be narrowed to fit: 1.0 or less."""
        return min(1.0, self._limit / max(1, self._face.measure(text)))


Recipe = Callable[[str], str]


class RightColumn:
    """Numbers from the right, each by a recipe that is kept for its shape.

    All digits of the face are of one width, so that "-1234.56" and "-9876.54" have one shape, `-0000.00`, one
    width and the same places for the commas: a report has a dozen shapes. No number is ever parsed.
    """

    def __init__(self, cell: Cell, face: Face, codes: Codes) -> None:
        self._face = face
        self._codes = codes
        self._at = b"1 0 0 1 %b %b Tm\n" % (number(cell.right - PADDING), number(_FIRST_LINE))
        self._room = cell.text_width / SIZE * 1000
        self._grouped = cell.column.kind == "amount"
        self._plain_digits = 4 if self._grouped else _LONG_NUMBER
        self._is_text = cell.column.kind == "text"
        self._recipes = _Recipes(self._recipe)

    def blocks(self, texts: Texts) -> list[bytes | None]:
        texts = without_nulls(texts)
        data = encoded_pages(joined_pages(texts), -(-len(texts) // ROWS_A_PAGE))
        if data is not None:
            return [self._block(page) for page in data.split(b"\0\1")]
        parts = [_cells(texts[i : i + ROWS_A_PAGE]) for i in range(0, len(texts), ROWS_A_PAGE)]
        return [None if part is None else self._block(part) for part in parts]

    def _block(self, page: bytes) -> bytes:
        shapes = page.translate(_DIGITS_ALIKE).split(b"\0")
        first = shapes[0]
        if first.isdigit() and len(first) < self._plain_digits and shapes.count(first) == len(shapes):
            # A page of numbers of one length, as ids are, needs no look at each.
            before, after = self._ends(self._face.width(first.decode()))
            return b"%b%b(%b)%b\n" % (self._at, before, page.replace(b"\0", b")%b\n%b(" % (after, before)), after)
        texts = page.decode("latin-1").split("\0")  # one character a byte, whatever the encoding
        recipes = map(self._recipes.__getitem__, shapes)
        lines = "\n".join([recipe(text) for recipe, text in zip(recipes, texts, strict=True)])
        return b"%b%b\n" % (self._at, lines.encode("latin-1"))

    def _ends(self, width: int) -> tuple[bytes, bytes]:
        before, after = self._placed(width)
        return before.encode("ascii"), after.encode("ascii")

    def _recipe(self, shape: bytes) -> Recipe:
        text = shape.decode("cp1252")
        if self._is_text and self._face.width(text) > self._room:
            return self._cut_text
        cuts = _group_cuts(shape) if self._grouped and _NUMBER.fullmatch(shape) else []
        before, after = self._placed(self._face.width(text) + len(cuts) * self._face.width(","))
        if b"\\" in shape or b"(" in shape or b")" in shape:
            return lambda t: f"{before}({escaped(t.encode('latin-1')).decode('latin-1')}){after}"
        return _grouping(before + "(", ")" + after, cuts)

    def _placed(self, width: int) -> tuple[str, str]:
        """What comes before and after a string of that width: a line's start, and back from the right edge.

        A string wider than the column is made smaller and narrower by equal parts (Tf and Tz, §9.3.4).
        """
        if width <= self._room:
            return f"T*[{width}", "]TJ"
        part = (self._room / width) ** 0.5
        squeezed = f"/R1 {max(0.05, SIZE * part):.2f} Tf {max(0.5, 100 * part):.1f} Tz"
        return f"T*{squeezed}[{width}", f"]TJ/R1 {_SIZE.decode()} Tf 100 Tz"

    def _cut_text(self, text: str) -> str:
        """A text in a column of texts set to the right; digits are never cut (codes are Windows-1252)."""
        short = self._face.cut(text.encode("latin-1").decode("cp1252"), int(self._room / UNIT))
        before, after = self._placed(self._face.width(short))
        return f"{before}({escaped(short.encode('cp1252')).decode('latin-1')}){after}"

    def wide(self, texts: Texts) -> bytes:
        lines = [self._wide_line(text) for text in without_nulls(texts)]
        return b"%b/R2 %b Tf %b\n/R1 %b Tf\n" % (self._at, _SIZE, b"\n".join(lines), _SIZE)

    def _wide_line(self, text: str) -> bytes:
        limit = int(self._room / UNIT)
        if self._is_text and self._face.measure(text) > limit:
            text = self._face.cut(text, limit)
        elif self._grouped and text.isascii() and _NUMBER.fullmatch(shape := _shape(text)):
            text = _grouping("", "", _group_cuts(shape))(text)
        before, after = self._placed(sum([self._face.width_of(ord(c)) for c in text]))
        before, after = before.replace("/R1", "/R2"), after.replace("/R1", "/R2")
        return b"%b(%b)%b" % (before.encode(), self._codes.encode(text), after.encode())


def _shape(text: str) -> bytes:
    return text.encode("ascii").translate(_DIGITS_ALIKE)


def _group_cuts(shape: bytes) -> list[int]:
    """Where commas go between the digits of the integer part, as indices into the ungrouped text."""
    digits = len(shape.partition(b".")[0])
    first = 1 if shape.startswith(b"-") else 0
    return list(range(digits - 3, first, -3))[::-1]


def _grouping(before: str, after: str, cuts: Sequence[int]) -> Recipe:
    """A function that puts commas at the cuts; one, two and three pieces are spelt out for speed."""
    match cuts:
        case []:
            return lambda t: f"{before}{t}{after}"
        case [a]:
            return lambda t: f"{before}{t[:a]},{t[a:]}{after}"
        case [a, b]:
            return lambda t: f"{before}{t[:a]},{t[a:b]},{t[b:]}{after}"
    bounds = list(zip([None, *cuts], [*cuts, None], strict=True))
    return lambda t: before + ",".join([t[i:j] for i, j in bounds]) + after


class _Recipes(dict[bytes, Recipe]):
    """Shape to recipe, made on first use, as many as a report of numbers needs."""

    def __init__(self, make: Callable[[bytes], Recipe]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, shape: bytes) -> Recipe:
        recipe = self._make(shape)
        if len(shape) <= _LONG_NUMBER:
            if len(self) >= _MOST_SHAPES:
                self.clear()
            self[shape] = recipe
        return recipe
