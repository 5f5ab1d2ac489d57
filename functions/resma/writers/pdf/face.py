"""Typefaces: widths, and cutting text to fit."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_right
from codecs import utf_16_be_encode, utf_16_le_encode
from collections.abc import Callable
from functools import cache, cached_property
from itertools import accumulate
from pathlib import Path

from reportlab.pdfbase.ttfonts import TTFontFace

from resma.writers.pdf.encodings import SHOWN_AS

FONTS = Path(__file__).parents[2] / "fonts"

ELLIPSIS = "…"

UNIT = 4
"""Thousandths of an em in a unit of `Face.measure`: with 4, widths up to 1.02 em fit in a byte."""

_native_utf_16 = utf_16_le_encode if sys.byteorder == "little" else utf_16_be_encode
"""Called directly: by its name, a codec takes 1.5 µs to be found, which is longer than a cell takes."""


class Face:
    """One typeface file: read once, never changed. Widths are in thousandths of an em, as PDF counts."""

    def __init__(self, path: Path) -> None:
        self.ttf = TTFontFace(str(path))
        self.glyphs: dict[int, int] = self.ttf.charToGlyph
        self.missing_width: int = round(self.ttf.defaultWidth)
        self.widths: dict[int, int] = {point: round(width) for point, width in self.ttf.charWidths.items()}
        shown = [SHOWN_AS.get(c, c) for c in map(chr, range(256))]
        self._units = bytes(min(255, -(-self.width_of(ord(c)) // UNIT)) for c in shown)
        self.widest_units = max(self._each(bytes(range(32, 256)).decode("cp1252", "ignore")))
        """Of all characters of Windows-1252."""
        self._digit_units = self._units[ord("0")]
        single = [bytes([code]).decode("cp1252", "replace") for code in range(256)]
        self._narrow = bytes(i for i in range(2, 256) if self._each(single[i])[0] <= self._digit_units)

    def width_of(self, point: int) -> int:
        return self.widths.get(point, self.missing_width)

    def width(self, text: str) -> int:
        """Width on paper in thousandths of an em, of text without line breaks."""
        return sum([self.width_of(ord(c)) for c in text])

    def bound(self, data: bytes, longest: int) -> int:
        """A width that no cell of `data` (Windows-1252 between zero bytes) exceeds, in units.

        `longest` is the length of the longest cell. Most characters are no wider than a digit: counting
        the others takes a tenth of the time that measuring each cell takes.
        """
        wider = data.translate(None, self._narrow)
        if not wider.strip(b"\0"):
            return longest * self._digit_units
        most = max(map(len, wider.split(b"\0")))
        wide: int = self.widest_units - self._digit_units
        return longest * self._digit_units + most * wide

    def measure(self, text: str) -> int:
        """Width in units of 4/1000 em, each character rounded up."""
        if text.isascii():
            return sum(text.encode("ascii").translate(self._units))
        return sum(map(self._units_16.__getitem__, array("H", _native_utf_16(text)[0])))

    @cached_property
    def _units_16(self) -> array[int]:
        """Units by UTF-16 code unit, for text beyond Latin-1: three times as fast as looking characters up."""
        missing = -(-self.missing_width // UNIT)
        units = array("H", [missing]) * 0x10000
        for point, width in self.widths.items():
            if point < 0x10000:
                units[point] = -(-width // UNIT)
        for char, mark in SHOWN_AS.items():
            units[ord(char)] = -(-self.width_of(ord(mark)) // UNIT)
        units[0xD800:0xE000] = array("H", [missing // 2 + 1]) * 0x800  # two make a character, without a glyph
        return units

    def _each(self, text: str) -> list[int]:
        get, missing = self.widths.get, self.missing_width
        return [-(-get(ord(SHOWN_AS.get(c, c)), missing) // UNIT) for c in text]

    def cut(self, text: str, limit: int) -> str:
        """The text, or as much of it as fits `limit` units with an ellipsis after it."""
        most = limit // 12 + 2  # characters, at a twentieth of an em: what lies beyond cannot show
        whole = len(text) <= most
        text = text[:most]
        try:
            ends = list(accumulate(text.encode("latin-1").translate(self._units)))
        except UnicodeEncodeError:
            ends = list(accumulate(self._each(text)))
        if whole and (not ends or ends[-1] <= limit):
            return text
        keep = bisect_right(ends, limit - self._each(ELLIPSIS)[0])
        return text[:keep].rstrip() + ELLIPSIS


@cache
def regular() -> Face:
    return Face(FONTS / "Roboto-Regular.ttf")


@cache
def bold() -> Face:
    return Face(FONTS / "Roboto-Bold.ttf")


FACES: dict[str, Callable[[], Face]] = {"R": regular, "B": bold}
"""Faces by the letter that names them in content streams: `/R1` takes one byte a character, `/R2` two."""
