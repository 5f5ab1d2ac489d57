"""Columns of text, dates and timestamps."""

from __future__ import annotations

import re
from collections.abc import Sequence

from resma.writers.pdf.encodings import TwoByte
from resma.writers.pdf.face import UNIT, Face
from resma.writers.pdf.joining import Texts, encoded_cells, encoded_pages, joined_pages, without_nulls
from resma.writers.pdf.layout import FIRST_LINE, PADDING, ROWS_A_PAGE, SIZE, Cell
from resma.writers.pdf.objects import escaped, number

_SIZE = number(SIZE)
_FRACTION = re.compile(r"\.\d+")
_SAMPLE = 200
_DIGITS_ALIKE = bytes(ord("0") if chr(code) in "0123456789" else code for code in range(256))
_SHAPES_MAX = 10_000
_SHAPE_BYTES_MAX = 200
"""Together 2 MB at the most, a column."""


class LeftColumn:
    """Text, dates and timestamps from the left; what does not fit ends in an ellipsis."""

    def __init__(self, cell: Cell, face: Face, two_byte: TwoByte) -> None:
        self._fit = Fit(face, int(cell.text_width / SIZE * 1000 / UNIT), cell.column.kind)
        self._two_byte = two_byte
        self._start = b"1 0 0 1 %b %b Tm\n(" % (number(cell.left + PADDING), number(FIRST_LINE))
        self._turn = b")'\n\0" + self._start

    def blocks(self, texts: Texts) -> list[bytes | None]:
        """One byte a character, whole batches at a time where it can be."""
        texts = without_nulls(texts)
        pages = -(-len(texts) // ROWS_A_PAGE)
        data = encoded_pages(joined_pages(texts), pages)
        parts = [texts[i : i + ROWS_A_PAGE] for i in range(0, len(texts), ROWS_A_PAGE)]
        if data is None:
            return [None if encoded_cells(part) is None else self._one_page(part) for part in parts]
        longest = max(map(len, texts))
        if self._fit.is_timestamp:
            zoned = len(data)
            data = data.replace(b"+00\0", b"\0").removesuffix(b"+00")
            longest -= 3 if zoned - len(data) == 3 * len(texts) else 0
        if not self._fit.all_fit(texts, data, longest):
            data = None if self._fit.squeezes else encoded_pages(joined_pages(self._fit.each(texts)), pages)
        return [self._one_page(part) for part in parts] if data is None else self._shown(data)

    def _one_page(self, texts: Sequence[str]) -> bytes | None:
        shown = self._fit.each(texts)
        data = encoded_cells(shown)
        if data is None or (self._fit.squeezes and min(map(self._fit.share, shown)) < 1):
            return None
        return self._shown(data)[0]

    def _shown(self, data: bytes) -> list[bytes | None]:
        # "'" moves to the next line and shows a string (§9.4.3)
        data = escaped(data).replace(b"\0\1", b"\1").replace(b"\0", b")'(").replace(b"\1", self._turn)
        return list((self._start + data + b")'\n").split(b"\0"))

    def wide(self, texts: Texts) -> bytes:
        shown = self._fit.each(without_nulls(texts))
        if self._fit.squeezes:
            lines = b"".join(
                [b"%.3f Tz(%b)'\n" % (100 * self._fit.share(t), self._two_byte.encode([t])) for t in shown]
            )
            page = self._start[:-1] + lines + b"100 Tz"
        else:
            page = b"%b%b)'" % (self._start, self._two_byte.encode(shown, b")'("))
        return b"/R2 %b Tf %b\n/R1 %b Tf\n" % (_SIZE, page, _SIZE)


class Fit:
    """Which texts fit a column, and what is left of those that do not."""

    def __init__(self, face: Face, limit: int, kind: str) -> None:
        """`limit` is the column's width in units of `Face.measure`."""
        self._face = face
        self._limit = limit
        self._safe = limit // face.widest_units
        self._fitting: set[bytes] = set()
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

    def each(self, texts: Sequence[str]) -> list[str]:
        """The texts as they are shown: timestamps without their zone, nothing wider than the column.

        Digits are of one width, so texts that differ in digits alone fit or do not fit alike. What has been seen to
        fit is remembered by that shape: measuring each cell of mixed scripts takes seven times as long.
        """
        if self.is_timestamp:
            return [self._one(text) for text in texts]
        shapes = "\0".join(texts).encode("utf-8", "surrogatepass").translate(_DIGITS_ALIKE).split(b"\0")
        fitting = self._fitting
        return [
            text if shape in fitting else self._look(text, shape) for text, shape in zip(texts, shapes, strict=True)
        ]

    def _look(self, text: str, shape: bytes) -> str:
        shown = self._one(text)
        if shown == text and len(shape) <= _SHAPE_BYTES_MAX:
            if len(self._fitting) >= _SHAPES_MAX:
                self._fitting.clear()
            self._fitting.add(shape)
        return shown

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
