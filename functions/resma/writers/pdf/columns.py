"""Columns of text to blocks of page content: the hot loop, 4.5 million cells for a report of 500,000 rows.

Cells are handled by C code a batch at a time. Two separators hold the place of what comes later: U+0000
between cells (Postgres text cannot hold it) and U+0001 between pages. Where a text holds U+0001, or anything
outside Windows-1252, that batch of the column is encoded a page at a time, and the pages that cannot be printed
with one byte a character are left out (None), for `wide`, which is called in the order of pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from resma.writers.pdf.face import UNIT, Codes, Face, single_byte
from resma.writers.pdf.layout import DROP, LEADING, PADDING, ROWS_A_PAGE, ROWS_TOP, SIZE, Cell
from resma.writers.pdf.objects import escaped, number

Texts = Sequence[str | None]

_ZONE = "+00"
_FRACTION = re.compile(r"\.\d+")
_NUMBER = re.compile(rb"-?0+(\.0+)?")
_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_MOST_SHAPES = 2_000
_LONG_NUMBER = 64


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
    """NULL shows as nothing. Finding out costs a join, which is cheaper than a look at each cell."""
    try:
        "".join(texts)  # type: ignore[arg-type]  # raises at the first None
    except TypeError:
        return [text or "" for text in texts]
    return texts  # type: ignore[return-value]


def _paged(texts: Sequence[str]) -> list[str]:
    return ["\0".join(texts[i : i + ROWS_A_PAGE]) for i in range(0, len(texts), ROWS_A_PAGE)]


def _encoded(pages: list[str]) -> list[bytes | None]:
    """Each page's cells in Windows-1252 between zero bytes, all at once where possible."""
    joined = "\1".join(pages)
    if joined.count("\1") == len(pages) - 1:
        data = single_byte(joined, one_is_separator=True)
        if data is not None:
            return list(data.split(b"\1"))
    return [single_byte(page) for page in pages]


class LeftColumn:
    """Text, dates and timestamps from the left; what does not fit ends in an ellipsis."""

    def __init__(self, cell: Cell, face: Face, codes: Codes) -> None:
        self._face = face
        self._codes = codes
        self._limit = int(cell.text_width / SIZE * 1000 / UNIT)
        self._kind = cell.column.kind
        self._at = b"1 0 0 1 %b %b Tm\n" % (number(cell.left + PADDING), number(ROWS_TOP - DROP + LEADING))
        # So many characters fit whatever they are, in Windows-1252; pages with others go to `wide`.
        self._safe = self._limit // face.widest_units

    def blocks(self, texts: Texts) -> list[bytes | None]:
        shown = self._fitted(without_nulls(texts), safe=self._safe)
        return [None if page is None else self._block(page) for page in _encoded(_paged(shown))]

    def _block(self, page: bytes) -> bytes:
        # "'" moves to the next line and shows a string (§9.4.3)
        return b"%b(%b)'\n" % (self._at, escaped(page).replace(b"\0", b")'("))

    def wide(self, texts: Texts) -> bytes:
        page = self._codes.encode("\0".join(self._fitted(without_nulls(texts), safe=0)))
        return b"/R2 %b Tf %b(%b)'\n/R1 %b Tf\n" % (_SIZE, self._at, page.replace(b"\0\0", b")'("), _SIZE)

    def _fitted(self, texts: Sequence[str], *, safe: int) -> Sequence[str]:
        """Timestamps without their zone; no text wider than the column, if none up to `safe` characters is."""
        if self._kind == "timestamp":
            texts = without_zone(texts)
        if max(map(len, texts), default=0) <= safe:
            return texts
        face, limit = self._face, self._limit
        return [text if len(text) <= safe else self._cut(text, face, limit) for text in texts]

    def _cut(self, text: str, face: Face, limit: int) -> str:
        if len(text) <= 2 * limit and face.measure(text) <= limit:
            return text
        if self._kind == "timestamp":
            text = _FRACTION.sub("", text)
        return face.cut(text, limit)


def without_zone(texts: Sequence[str]) -> Sequence[str]:
    """Timestamps in UTC without `+00`: the heading says it. Dates BC and infinity stay as they are."""
    joined = "\0".join(texts)
    if joined.count("\0") != len(texts) - 1:
        return texts
    return f"{joined}\0".replace(_ZONE + "\0", "\0")[:-1].split("\0")


Recipe = Callable[[str], str]


class RightColumn:
    """Numbers from the right, each by a recipe that is kept for its shape.

    All digits of the face are of one width, so that "-1234.56" and "-9876.54" have one shape, `-0000.00`, one
    width and the same places for the commas: a report has a dozen shapes. No number is ever parsed.
    """

    def __init__(self, cell: Cell, face: Face, codes: Codes) -> None:
        self._face = face
        self._codes = codes
        self._at = b"1 0 0 1 %b %b Tm\n" % (number(cell.right - PADDING), number(ROWS_TOP - DROP + LEADING))
        self._room = cell.text_width / SIZE * 1000
        self._grouped = cell.column.kind == "amount"
        self._is_text = cell.column.kind == "text"
        self._recipes = _Recipes(self._recipe)

    def blocks(self, texts: Texts) -> list[bytes | None]:
        pages = _encoded(_paged(without_nulls(texts)))
        blocks: list[bytes | None] = []
        for page in pages:
            blocks.append(None if page is None else self._block(page))
        return blocks

    def _block(self, page: bytes) -> bytes:
        shapes = page.translate(_DIGITS_ALIKE).split(b"\0")
        texts = page.decode("latin-1").split("\0")  # one character a byte, whatever the encoding
        recipes = map(self._recipes.__getitem__, shapes)
        lines = "\n".join([recipe(text) for recipe, text in zip(recipes, texts, strict=True)])
        return b"%b%b\n" % (self._at, lines.encode("latin-1"))

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


_SIZE = number(SIZE)


