"""Text that is not wholly Windows-1252: Greek, Cyrillic, Chinese, Arabic and the rest.

Scripts that set one glyph after the other are handled by C code, a text at a time; Arabic and others whose letters
join, stack or run from right to left are shaped, which takes ten times as long where a word is new.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from codecs import utf_16_be_encode, utf_32_be_encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

from resma.writers.pdf.encodings import SHOWN_AS
from resma.writers.pdf.face import ELLIPSIS
from resma.writers.pdf.glyph_codes import MAX_TYPEFACES, GlyphCodes, WideState
from resma.writers.pdf.objects import number
from resma.writers.pdf.shaping import Glyph, covers, is_complex, may_end_before, segments, shaped
from resma.writers.pdf.typefaces import Typeface

__all__ = ["WideState", "WideText"]

_SHAPE = "\udfff"
"""In place of a code: this text needs shaping. Codes are no surrogates."""

_SHAPE_WIDTH = -(10**9)
"""The same in place of a width: a sum of widths that is negative holds one."""

_CHARACTERS_MAX = 50_000
_WORDS_MAX = 5_000
"""Bounds of the caches: 8 MB and 5 MB. Shaping a word takes 5 µs, so that forgetting one now and then does no harm."""

_RUNS = re.compile("|".join(f"[{chr(plane << 16)}-{chr((plane << 16) + 0xFFFF)}]+" for plane in range(MAX_TYPEFACES)))

T = TypeVar("T")


class _Remembered(dict[str, T]):
    """What a function says of each character, so that `map` finds it without running Python code."""

    def __init__(self, find: Callable[[str], T]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, char: str) -> T:
        if len(self) >= _CHARACTERS_MAX:
            self.clear()
        value = self[char] = self._find(char)
        return value


@dataclass(slots=True)
class _Word:
    """A piece of text that was shaped, and what shows it once it was shown."""

    typeface: Typeface
    glyphs: list[Glyph]
    width: int
    shown: list[tuple[str, int, int, int]] | None = None
    """Codes, how far they are moved to the right and up, and what is to be taken off the advance after them."""


class WideText:
    """Measures, cuts and shows text of any characters, in the face of one letter: `R` or `B`."""

    def __init__(self, letter: str, state: WideState) -> None:
        """`state` is kept up to date. Raises SettingsInvalid where it was saved with fonts that are not here."""
        self._glyphs = GlyphCodes(letter, state)
        self._letter = letter.encode("ascii")
        self._code = _Remembered(self._find_code).__getitem__
        self._width = _Remembered(self._find_width).__getitem__
        self._words: dict[str, _Word] = {}

    def measure(self, text: str) -> float:
        """Width in thousandths of an em."""
        width = sum(map(self._width, text))
        return width if width >= 0 else self._measure_shaped(text)

    def cut(self, text: str, limit: float) -> str:
        """The text, or as much of it as fits `limit` thousandths of an em with an ellipsis after it."""
        most = int(limit / 50) + 2  # characters, at a twentieth of an em: what lies beyond cannot show
        whole = len(text) <= most
        text = text[:most]
        ends = list(accumulate(map(self._width, text)))
        if ends and min(ends) < 0:
            return self._cut_shaped(text, limit, whole=whole)
        if whole and (not ends or ends[-1] <= limit):
            return text
        keep = bisect_right(ends, limit - self._width(ELLIPSIS))
        return text[:keep].rstrip() + ELLIPSIS

    def show(self, text: str, size: float) -> bytes:
        """Operators that show the text from the current point on; they leave another font selected."""
        if "\r" in text:
            text = text.replace("\r\n", "\n")
        codes = "".join(map(self._code, text))
        if _SHAPE in codes:
            return self._show_shaped(text, size)
        return self._operators(codes, number(size))

    def _find_code(self, char: str) -> str:
        return _SHAPE if is_complex(char) else self._glyphs.code_of(SHOWN_AS.get(char, char))

    def _find_width(self, char: str) -> int:
        return _SHAPE_WIDTH if is_complex(char) else self._glyphs.width_of(SHOWN_AS.get(char, char))

    def _operators(self, codes: str, size: bytes) -> bytes:
        data, length = utf_16_be_encode(codes)
        if len(data) == 2 * length:  # all in the report's own typeface
            return b"/%b2 %b Tf(%b)Tj\n" % (self._letter, size, _escaped(data))
        return b"".join(
            [
                b"/%b%d %b Tf(%b)Tj\n" % (self._letter, 2 + (ord(run[0]) >> 16), size, _two_bytes(run))
                for run in _RUNS.findall(codes)
            ]
        )

    def _measure_shaped(self, text: str) -> int:
        width = 0
        for part, direction in segments(text):
            word = None if direction is None else self._word(part, direction)
            width += word.width if word else sum(map(self._glyphs.width_of, map(_shown_as, part)))
        return width

    def _cut_shaped(self, text: str, limit: float, *, whole: bool) -> str:
        if whole and self._measure_shaped(text) <= limit:
            return text
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if self._measure_shaped(text[:middle].rstrip() + ELLIPSIS) <= limit:
                low = middle
            else:
                high = middle - 1
        while low and not may_end_before(text[low : low + 1]):
            low -= 1
        return text[:low].rstrip() + ELLIPSIS

    def _show_shaped(self, text: str, size: float) -> bytes:
        size_text = number(size)
        parts = []
        plain = ""
        for codes, right, up, less in self._placed(text):
            if not (right or up or less):
                plain += codes
                continue
            if plain:
                parts.append(self._operators(plain, size_text))
                plain = ""
            parts.append(self._moved(codes, size, right, up, less))
        if plain:
            parts.append(self._operators(plain, size_text))
        return b"".join(parts)

    def _moved(self, codes: str, size: float, right: int, up: int, less: int) -> bytes:
        """One glyph away from its place: TJ moves to the side, Ts up or down (§9.3.7, §9.4.3)."""
        font = b"/%b%d %b Tf" % (self._letter, 2 + (ord(codes) >> 16), number(size))
        shown = b"%b[%d(%b)%d]TJ\n" % (font, -right, _two_bytes(codes), right + less)
        return b"%b Ts%b0 Ts\n" % (number(up * size / 1000), shown) if up else shown

    def _placed(self, text: str) -> Iterator[tuple[str, int, int, int]]:
        for part, direction in segments(text):
            word = None if direction is None else self._word(part, direction)
            if word is None:
                seen = part[::-1] if direction else part
                yield "".join(map(self._glyphs.code_of, map(_shown_as, seen))), 0, 0, 0
                continue
            if word.shown is None:
                word.shown = [self._glyphs.placed(word.typeface, glyph) for glyph in word.glyphs]
            yield from word.shown

    def _word(self, part: str, right_to_left: bool) -> _Word | None:
        """None where no typeface has its letters."""
        word = self._words.get(part)
        if word is None:
            typeface = next((t for t in self._glyphs.typefaces() if covers(t, part)), None)
            if typeface is None:
                return None
            glyphs = shaped(typeface, part, right_to_left=right_to_left)
            word = _Word(typeface, glyphs, sum(glyph.advance for glyph in glyphs))
            if len(self._words) >= _WORDS_MAX:
                self._words.clear()
            self._words[part] = word
        return word


def _shown_as(char: str) -> str:
    return SHOWN_AS.get(char, char)


def _two_bytes(codes: str) -> bytes:
    """The inside of a literal string (§7.3.4.2): the lower two bytes of each character."""
    data, length = utf_32_be_encode(codes)
    lower = bytearray(2 * length)
    lower[::2], lower[1::2] = data[2::4], data[3::4]
    return _escaped(bytes(lower))


def _escaped(data: bytes) -> bytes:
    for byte, escape in _ESCAPES:
        data = data.replace(byte, escape)
    return data


_ESCAPES = ((b"\\", b"\\\\"), (b"(", b"\\("), (b")", b"\\)"), (b"\r", b"\\r"), (b"\n", b"\\n"))
