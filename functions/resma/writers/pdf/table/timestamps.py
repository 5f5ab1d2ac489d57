"""Dates and timestamps in the order of the reader's country; the offset is left out, the page's foot names the zone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from resma.i18n.locales import Locale

_ALIKE = bytes.maketrans(b"123456789+", b"000000000-")
_MOMENT = re.compile(rb"([0-9]{4})-([0-9]{2})-([0-9]{2})( [0-9:]{8}(?:\.[0-9]+)?)?(?:[+-][0-9:]{2,8})?")
_ISO_PLACES = {"Y": (0, 1, 2, 3), "M": (5, 6), "D": (8, 9)}
_DATE_LENGTH = 10
_TIME_LENGTH = len(" 00:00:00")
USUAL = b"00/00/0000 00:00:00"
"""As wide as any moment without a fraction: the separators of dates are no wider than a stroke."""
_ZERO = ord("0")


class TimestampCells:
    """A column of dates or timestamps. Infinity, dates BC and years of five digits stay as Postgres prints them."""

    def __init__(self, locale: Locale, *, fractions: bool = True) -> None:
        """Without `fractions`, seconds are whole: for columns that have no room for more."""
        self._fractions = fractions
        self._separator = locale.date[1].encode("ascii")
        self._order = locale.date[::2]
        self._places = [place for letter in self._order for place in (*_ISO_PLACES[letter], -1)][:-1]
        self._groups = ["YMD".index(letter) + 1 for letter in self._order]

    def one(self, cell: bytes) -> bytes:
        """One cell as people read it."""
        found = _MOMENT.fullmatch(cell)
        if not found:
            return cell
        time = found[4] or b""
        return self._separator.join(found.group(*self._groups)) + (time if self._fractions else time[:_TIME_LENGTH])

    def each(self, cells: Sequence[bytes]) -> list[bytes]:
        """All cells, those of one shape together: most shapes differ in how many digits a fraction has."""
        places: dict[bytes, list[int]] = {}
        for place, shape in enumerate(b"\0".join(cells).translate(_ALIKE).split(b"\0")):
            places.setdefault(shape, []).append(place)
        shown = list(cells)
        for alike in places.values():
            some = [cells[place] for place in alike]
            lines = self.lines(some[0], len(some), b"\0".join(some), b"", b"\0")
            following = lines.split(b"\0") if lines is not None else map(self.one, some)
            for place, cell in zip(alike, following, strict=False):
                shown[place] = cell
        return shown

    def lines(self, first: bytes, count: int, blob: bytes, before: bytes, after: bytes) -> bytes | None:
        """So many cells, which `blob` holds between zero bytes, each between `before` and `after`.

        None unless all are of the shape of the first. Each place of the cells is a stride of one block of bytes, so
        that a digit is one copy for all of them.
        """
        pattern = first.translate(_ALIKE)
        shown = self.one(pattern)
        if shown == pattern or blob.translate(_ALIKE) != ((pattern + b"\0") * count)[:-1]:
            return None
        line = b"%b%b%b" % (before, shown, after)
        out = bytearray(line * count)
        stride, step = len(pattern) + 1, len(line)
        places = [*self._places, *range(_DATE_LENGTH, len(shown))]
        for target, source in enumerate(places, len(before)):
            if source >= 0 and shown[target - len(before)] == _ZERO:
                out[target::step] = blob[source::stride]
        return bytes(out)

    def shown_shape(self, cell: bytes) -> bytes:
        """What `lines` makes of a cell of this shape, all digits zero."""
        return self.one(cell.translate(_ALIKE))
