"""Columns of numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from resma.writers.pdf.encodings import TwoByte
from resma.writers.pdf.face import UNIT, Face
from resma.writers.pdf.joining import Texts, encoded_cells, encoded_pages, joined_pages, without_nulls
from resma.writers.pdf.layout import FIRST_LINE, PADDING, ROWS_A_PAGE, SIZE, Cell
from resma.writers.pdf.objects import escaped, number

_SIZE = number(SIZE)
_NUMBER = re.compile(rb"-?0+(\.0+)?")
_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_MOST_SHAPES = 2_000
_LONG_NUMBER = 64

Recipe = Callable[[str], str]


class RightColumn:
    """Numbers from the right, each by a recipe that is kept for its shape.

    All digits of the face are of one width, so that "-1234.56" and "-9876.54" have one shape, `-0000.00`, one
    width and the same places for the commas: a report has a dozen shapes. No number is ever parsed.
    """

    def __init__(self, cell: Cell, face: Face, two_byte: TwoByte) -> None:
        self._face = face
        self._two_byte = two_byte
        self._at = b"1 0 0 1 %b %b Tm\n" % (number(cell.right - PADDING), number(FIRST_LINE))
        self._room = cell.text_width / SIZE * 1000
        self._grouped = cell.column.kind == "amount"
        self._plain_digits = 4 if self._grouped else _LONG_NUMBER
        self._is_text = cell.column.kind == "text"
        self._is_timestamp = cell.column.kind == "timestamp"
        self._recipes = _Recipes(self._recipe)

    def blocks(self, texts: Texts) -> list[bytes | None]:
        texts = self._without_zone(without_nulls(texts))
        data = encoded_pages(joined_pages(texts), -(-len(texts) // ROWS_A_PAGE))
        if data is not None:
            return [self._block(page) for page in data.split(b"\0\1")]
        parts = [encoded_cells(texts[i : i + ROWS_A_PAGE]) for i in range(0, len(texts), ROWS_A_PAGE)]
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

    def _without_zone(self, texts: Sequence[str]) -> Sequence[str]:
        return [text.removesuffix("+00") for text in texts] if self._is_timestamp else texts

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
        lines = [self._wide_line(text) for text in self._without_zone(without_nulls(texts))]
        return b"%b/R2 %b Tf %b\n/R1 %b Tf\n" % (self._at, _SIZE, b"\n".join(lines), _SIZE)

    def _wide_line(self, text: str) -> bytes:
        limit = int(self._room / UNIT)
        if self._is_text and self._face.measure(text) > limit:
            text = self._face.cut(text, limit)
        elif self._grouped and text.isascii() and _NUMBER.fullmatch(shape := _shape(text)):
            text = _grouping("", "", _group_cuts(shape))(text)
        before, after = self._placed(sum([self._face.width_of(ord(c)) for c in text]))
        before, after = before.replace("/R1", "/R2"), after.replace("/R1", "/R2")
        return b"%b(%b)%b" % (before.encode(), self._two_byte.encode([text]), after.encode())


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
