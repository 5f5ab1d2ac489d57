"""Typefaces: widths, the two encodings, and cutting text to fit.

Text that is wholly in Windows-1252 is printed with one byte a character, by C code alone. Anything else is
printed with two-byte codes given out in order of first use, each of which knows its code point: so even a
character without a glyph, which shows as a box, can be searched for and copied.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from itertools import accumulate
from pathlib import Path

from reportlab.pdfbase.ttfonts import TTFontFace

FONTS = Path(__file__).parents[2] / "fonts"

ELLIPSIS = "…"

UNIT = 4
"""Thousandths of an em in a unit of `Face.measure`: with 4, widths up to 1.02 em fit in a byte."""

_NATIVE_UTF_16 = "utf-16-le" if sys.byteorder == "little" else "utf-16-be"

_CONTROL = 0x1A
"""What control characters become, which Windows-1252 cannot show: its presence sends the text to two bytes."""

_SHOWN_AS = {
    "\n": "¶",
    "\r": "¶",
    "\t": " ",
    "\x0b": "¶",
    "\x0c": "¶",
    "\x85": "¶",
    "\u2028": "¶",
    "\u2029": "¶",
}
"""Line breaks show as a pilcrow: they would be invisible otherwise, or break the row."""

_SAFE = bytes(b for b in range(1, 256) if b not in b"\n\r()\\")
"""Bytes that stand for themselves in a literal string (ISO 32000-1 §7.3.4.2). Two-byte codes are made of
these alone, so that they need no escaping and zero bytes can separate cells."""

MOST_CODES = len(_SAFE) ** 2 - 1
"""Different characters a file can show with two-byte codes: 62,499. Later ones show as U+FFFD."""


def _byte_table(encoding: str, *, one_is_separator: bool) -> bytes:
    """For `bytes.translate`: control characters to what is shown. Zero stays, it separates cells."""
    table = bytearray(range(256))
    for code in range(1, 256):
        char = bytes([code]).decode(encoding, "replace")
        if char in _SHOWN_AS:
            table[code] = _SHOWN_AS[char].encode("cp1252")[0]
        elif not 0x20 <= ord(char) < 0x7F and not (ord(char) >= 0xA0 and char != "\ufffd"):
            table[code] = _CONTROL
    if one_is_separator:
        table[1] = 1
    return bytes(table)


_TABLES = {
    (encoding, separator): _byte_table(encoding, one_is_separator=separator)
    for encoding in ("latin-1", "cp1252")
    for separator in (False, True)
}


def single_byte(text: str, *, one_is_separator: bool = False) -> bytes | None:
    """Windows-1252 with line breaks made visible, or None where the text holds anything else.

    Zero, and one on demand, pass through as separators of cells and pages.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    encoding = "latin-1"  # the same codes, and 200 times as fast where it will do
    try:
        data = text.encode(encoding)
    except UnicodeEncodeError:
        encoding = "cp1252"
        try:
            data = text.encode(encoding)
        except UnicodeEncodeError:
            return None
    data = data.translate(_TABLES[encoding, one_is_separator])
    return None if _CONTROL in data else data


class Codes(dict[int, int]):
    """Code point to two-byte code, given out on first use; a table for `str.translate`."""

    def __init__(self, points: list[int]) -> None:
        """`points` are the code points that have a code, in order; it is kept up to date."""
        super().__init__({point: two_byte_code(i) for i, point in enumerate(points)})
        self.points = points
        self[0] = 0

    def __missing__(self, point: int) -> int:
        if chr(point) in _SHOWN_AS:
            self[point] = self[ord(_SHOWN_AS[chr(point)])]
            return self[point]
        if len(self.points) >= MOST_CODES and point != 0xFFFD:
            return self[0xFFFD]  # not kept: memory must not grow with what is read
        self[point] = two_byte_code(len(self.points))
        self.points.append(point)
        return self[point]

    def encode(self, text: str) -> bytes:
        """Two bytes a character, none of which needs escaping; U+0000 stays two zero bytes."""
        return text.replace("\r\n", "\n").translate(self).encode("utf-16-be", "surrogatepass")


def two_byte_code(index: int) -> int:
    return _SAFE[index // len(_SAFE)] << 8 | _SAFE[index % len(_SAFE)]


class Face:
    """One typeface file: read once, never changed. Widths are in thousandths of an em, as PDF counts."""

    def __init__(self, path: Path) -> None:
        self.ttf = TTFontFace(str(path))
        self.glyphs: dict[int, int] = self.ttf.charToGlyph
        self.missing_width: int = round(self.ttf.defaultWidth)
        self.widths: dict[int, int] = {point: round(width) for point, width in self.ttf.charWidths.items()}
        shown = [_SHOWN_AS.get(c, c) for c in map(chr, range(256))]
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
        try:
            return sum(text.encode("latin-1").translate(self._units))
        except UnicodeEncodeError:
            halves = array("H", text.encode(_NATIVE_UTF_16, "surrogatepass"))
            return sum(map(self._units_16.__getitem__, halves))

    @cached_property
    def _units_16(self) -> array[int]:
        """Units by UTF-16 code unit, for text beyond Latin-1: three times as fast as looking characters up."""
        missing = -(-self.missing_width // UNIT)
        units = array("H", [missing]) * 0x10000
        for point, width in self.widths.items():
            if point < 0x10000:
                units[point] = -(-width // UNIT)
        for char, mark in _SHOWN_AS.items():
            units[ord(char)] = -(-self.width_of(ord(mark)) // UNIT)
        units[0xD800:0xE000] = array("H", [missing // 2 + 1]) * 0x800  # two make a character, without a glyph
        return units

    def plainly_fit(self, texts: Sequence[str], limit: int) -> bool:
        """True where the longest text would fit if it were all of the widest character of any. False says nothing."""
        widest = max(self._each("".join(set("".join(texts)))), default=0)
        return max(map(len, texts)) * widest <= limit

    def _each(self, text: str) -> list[int]:
        get, missing = self.widths.get, self.missing_width
        return [-(-get(ord(_SHOWN_AS.get(c, c)), missing) // UNIT) for c in text]

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
