"""Dates and timestamps in the locale's format, without the UTC offset: the footer of the page names the time zone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from resma.i18n.locales import Locale

_ALIKE = bytes.maketrans(b"123456789+", b"000000000-")
_TIMESTAMP = re.compile(rb"([0-9]{4})-([0-9]{2})-([0-9]{2})( [0-9:]{8}(?:\.[0-9]+)?)?(?:[+-][0-9:]{2,8})?")
_ISO_INDEXES = {"Y": (0, 1, 2, 3), "M": (5, 6), "D": (8, 9)}
_DATE_LENGTH = 10
_TIME_LENGTH = len(" 00:00:00")
USUAL = b"00/00/0000 00:00:00"
"""At least as wide as any timestamp without a fraction: no separator of dates is wider than a slash."""
_ZERO = ord("0")


class TimestampCells:
    """A column of dates or timestamps. Infinity, dates BC and years with five digits are shown unchanged."""

    def __init__(self, locale: Locale, *, fractions: bool = True) -> None:
        """If `fractions` is False, seconds are cut to whole seconds, for columns that are too narrow for fractions."""
        self._fractions = fractions
        self._separator = locale.date[1].encode("ascii")
        self._order = locale.date[::2]
        self._sources = [index for letter in self._order for index in (*_ISO_INDEXES[letter], -1)][:-1]
        self._groups = ["YMD".index(letter) + 1 for letter in self._order]

    def one(self, cell: bytes) -> bytes:
        """Returns one cell in the locale's format."""
        match = _TIMESTAMP.fullmatch(cell)
        if not match:
            return cell
        time = match[4] or b""
        return self._separator.join(match.group(*self._groups)) + (time if self._fractions else time[:_TIME_LENGTH])

    def each(self, cells: Sequence[bytes]) -> list[bytes]:
        """Returns all cells in the locale's format. Cells of one shape are formatted together.

        Most shapes differ only in the number of digits of the fraction.
        """
        indexes_by_shape: dict[bytes, list[int]] = {}
        for index, shape in enumerate(b"\0".join(cells).translate(_ALIKE).split(b"\0")):
            indexes_by_shape.setdefault(shape, []).append(index)
        result = list(cells)
        for indexes in indexes_by_shape.values():
            alike = [cells[index] for index in indexes]
            lines = self.lines(alike[0], len(alike), b"\0".join(alike), b"", b"\0")
            formatted = lines.split(b"\0") if lines is not None else map(self.one, alike)
            for index, cell in zip(indexes, formatted, strict=False):
                result[index] = cell
        return result

    def lines(self, first: bytes, count: int, blob: bytes, before: bytes, after: bytes) -> bytes | None:
        """Returns `count` cells in the locale's format, each between `before` and `after`.

        `blob` has the cells, joined by zero bytes. Returns None unless all cells have the shape of the first. Each
        character position of the cells is a strided slice of one block of bytes, so that a digit of all cells is copied
        at once.
        """
        pattern = first.translate(_ALIKE)
        shown = self.one(pattern)
        if shown == pattern or blob.translate(_ALIKE) != ((pattern + b"\0") * count)[:-1]:
            return None
        line = b"%b%b%b" % (before, shown, after)
        out = bytearray(line * count)
        stride, step = len(pattern) + 1, len(line)
        sources = [*self._sources, *range(_DATE_LENGTH, len(shown))]
        for target, source in enumerate(sources, len(before)):
            if source >= 0 and shown[target - len(before)] == _ZERO:
                out[target::step] = blob[source::stride]
        return bytes(out)

    def shown_shape(self, cell: bytes) -> bytes:
        """Returns the result of `lines` for a cell of this shape, with zeros for all digits."""
        return self.one(cell.translate(_ALIKE))
