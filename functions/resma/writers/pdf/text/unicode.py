"""Wide text: text with characters beyond Windows-1252, such as Greek, Cyrillic, Chinese or Arabic.

Scripts that show one glyph after another are encoded by C code, one string at a time. Arabic and other scripts whose
letters join, stack or run from right to left are shaped, which takes ten times as long for each new word.
"""

from __future__ import annotations

from bisect import bisect_right
from codecs import utf_16_be_encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import TypeVar

from resma.writers.pdf.fonts.glyph_codes import UNKNOWN, GlyphCodes, WideState, plane_of
from resma.writers.pdf.fonts.typefaces import SIMPLIFIED_CHINESE, Typeface
from resma.writers.pdf.syntax.objects import number
from resma.writers.pdf.text.glyph_strings import Piece, escaped, moved, runs_of, two_bytes
from resma.writers.pdf.text.line_breaks import clusters
from resma.writers.pdf.text.shaping import Glyph, is_complex, segments, shaped

ELLIPSIS = "…"

SHOWN_AS = {**dict.fromkeys("\n\r\v\f\x85\u2028\u2029", "¶"), "\t": " ", "\ufffe": UNKNOWN, "\uffff": UNKNOWN}
"""Replacements of characters. Line breaks are shown as pilcrows, because they would otherwise be invisible or break the
row. U+FFFE and U+FFFF are noncharacters, and PDF/A does not allow a font to map codes to them."""

_SHAPE = "\udfff"
"""Marks text that needs shaping, in place of a code. It is a surrogate, which codes never are."""

_SHAPE_WIDTH = -(10**9)
"""Marks text that needs shaping, in place of a width: it makes the sum of the widths negative."""

_MAX_CHARACTERS = 50_000
_MAX_WORDS = 5_000
_MAX_STRINGS = 2_000
_MAX_CACHED_CHARACTERS = 200
"""Limits of the caches (8 MB, 5 MB and 5 MB); longer strings are not cached. Evicted entries get the same codes
again."""

T = TypeVar("T")


class _CharacterCache(dict[str, T]):
    """Caches the results of a function for each character, so that `map` can look them up without Python code."""

    def __init__(self, find: Callable[[str], T]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, char: str) -> T:
        if len(self) >= _MAX_CHARACTERS:
            self.clear()
        value = self[char] = self._find(char)
        return value


@dataclass(slots=True)
class _Word:
    """A shaped piece of text."""

    typeface: Typeface
    glyphs: list[Glyph]
    width: int
    pieces: list[Piece] | None = None
    """Set when it is shown for the first time, because only then its glyphs get codes."""


class WideText:
    """Measures, cuts and shows text with any characters in one face, `R` or `B`."""

    def __init__(self, letter: str, state: WideState, variant: int = SIMPLIFIED_CHINESE) -> None:
        """Updates `state` in place. `variant` is that of Chinese characters (`cjk_variant`).

        Raises SettingsInvalidError if it needs fonts that are not installed here.
        """
        self._glyphs = glyphs = GlyphCodes(letter, state, variant)
        self._letter = letter.encode("ascii")
        plain_code = self._plain_code = _CharacterCache(
            lambda char: glyphs.code_of(SHOWN_AS.get(char, char))
        ).__getitem__
        plain_width = self._plain_width = _CharacterCache(
            lambda char: glyphs.width_of(SHOWN_AS.get(char, char))
        ).__getitem__
        self._code = _CharacterCache(lambda char: _SHAPE if is_complex(char) else plain_code(char)).__getitem__
        self._width = _CharacterCache(lambda char: _SHAPE_WIDTH if is_complex(char) else plain_width(char)).__getitem__
        self._words: dict[str, _Word] = {}
        self._strings: dict[str, list[_Word | str]] = {}
        self._selects: dict[tuple[int, float], bytes] = {}

    @property
    def missing(self) -> Mapping[str, None]:
        """Characters shown so far that no installed font has, in order."""
        return self._glyphs.missing

    def measure(self, text: str) -> float:
        """Returns the width in thousandths of an em."""
        width = sum(map(self._width, text))
        return width if width >= 0 else self._measure_shaped(text)

    def cut(self, text: str, limit: float) -> str:
        """Returns the text, cut and ended by an ellipsis if it is wider than `limit` thousandths of an em."""
        max_characters = int(limit / 50) + 2  # no character is narrower than a twentieth of an em
        whole = len(text) <= max_characters
        text = text[:max_characters]
        width = sum(map(self._width, text))
        if width < 0:
            return self._cut_shaped(text, limit, whole=whole)
        if whole and width <= limit:
            return text
        ends = list(accumulate(map(self._width, text)))
        keep = bisect_right(ends, limit - self._width(ELLIPSIS))
        return text[:keep].rstrip() + ELLIPSIS

    def show(self, text: str, size: float) -> bytes:
        """Returns operators that show the text from the current point; none if nothing of it is visible.

        Afterwards another font may be selected.
        """
        if "\r" in text:
            text = text.replace("\r\n", "\n")
        codes = "".join(map(self._code, text))
        if _SHAPE in codes:
            return self._show_shaped(text, size)
        if not codes:
            return b""
        data, length = utf_16_be_encode(codes)
        if len(data) == 2 * length:  # no surrogate pairs: all codes belong to the first font
            return b"%b(%b)Tj\n" % (self._select(0, size), escaped(data))
        return b"".join([b"%b(%b)Tj\n" % (self._select(plane_of(run), size), two_bytes(run)) for run in runs_of(codes)])

    def _select(self, plane: int, size: float) -> bytes:
        select = self._selects.get((plane, size))
        if select is None:
            select = self._selects[plane, size] = b"/%b%d %b Tf" % (self._letter, 2 + plane, number(size))
        return select

    def _show_shaped(self, text: str, size: float) -> bytes:
        """Selects a font once for all consecutive pieces of it: some viewers start a new text with each selection."""
        shown = []
        plane, up = -1, 0
        for piece in [piece for part in self._parts(text) for piece in self._pieces(part)]:
            if piece.plane != plane or piece.up != up:
                shown.append(b"]TJ\n" if plane >= 0 else b"")
                if piece.plane != plane:
                    shown.append(self._select(piece.plane, size))
                if piece.up != up:
                    shown.append(b" %b Ts" % number(piece.up * size / 1000))
                shown.append(b"[")
                plane, up = piece.plane, piece.up
            shown.append(piece.shown)
        shown.append((b"]TJ 0 Ts\n" if up else b"]TJ\n") if plane >= 0 else b"")
        return b"".join(shown)

    def _parts(self, text: str) -> list[_Word | str]:
        """Returns shaped words, and text that shows one glyph after another, from left to right."""
        parts = self._strings.get(text)
        if parts is None:
            parts = list(self._split(text))
            _cache(self._strings, text, parts, _MAX_STRINGS)
        return parts

    def _split(self, text: str) -> Iterator[_Word | str]:
        before: Typeface | None = None
        for part, right_to_left in segments(text):
            word = None if right_to_left is None else self._word(part, before, right_to_left=right_to_left)
            if word is None:
                yield part[::-1] if right_to_left else part
            else:
                before = word.typeface
                yield word

    def _word(self, part: str, before: Typeface | None, *, right_to_left: bool) -> _Word | None:
        """Returns a shaped word, or None if no typeface has its letters.

        Spaces between words have the typeface of the word before them.
        """
        if part.isspace():
            space = before.glyph(part[0]) if before else 0
            if not before or not space:
                return None
            width = before.advance(space)
            return _Word(before, [Glyph(space, char, width) for char in part], width * len(part))
        word = self._words.get(part)
        if word is None:
            typeface = self._glyphs.typeface_for(part)
            if typeface is None:
                return None
            glyphs = shaped(typeface, part, right_to_left=right_to_left)
            word = _Word(typeface, glyphs, sum([glyph.advance for glyph in glyphs]))
            _cache(self._words, part, word, _MAX_WORDS)
        return word

    def _pieces(self, part: _Word | str) -> list[Piece]:
        if isinstance(part, str):
            runs = runs_of("".join(map(self._plain_code, part)))
            return [Piece(plane_of(run), 0, b"(%b)" % two_bytes(run)) for run in runs]
        if part.pieces is None:
            part.pieces = list(self._word_pieces(part.typeface, part.glyphs))
        return part.pieces

    def _word_pieces(self, typeface: Typeface, glyphs: list[Glyph]) -> Iterator[Piece]:
        coded = [(self._glyphs.code(typeface, glyph.glyph, glyph.text), glyph) for glyph in glyphs]
        for (plane, up), some in groupby(coded, key=lambda pair: (plane_of(pair[0]), pair[1].up)):
            shown = b"".join([moved(code, glyph, typeface.advance(glyph.glyph)) for code, glyph in some])
            yield Piece(plane, up, shown.replace(b")(", b""))

    def _measure_shaped(self, text: str) -> int:
        return sum(
            [sum(map(self._plain_width, part)) if isinstance(part, str) else part.width for part in self._parts(text)]
        )

    def _cut_shaped(self, text: str, limit: float, *, whole: bool) -> str:
        """Finds the cut by estimating it from the average width, and then correcting it by the error."""
        width = self._measure_shaped(text)
        if whole and width <= limit:
            return text
        average = max(1.0, width / len(text))
        low, high = 0, len(text)
        at = int(limit / average)
        while low < high:
            at = min(max(at, low + 1), high)
            spare = limit - self._measure_shaped(text[:at].rstrip() + ELLIPSIS)
            if spare >= 0:
                low = at
            else:
                high = at - 1
            at += int(spare / average)
        ends = list(accumulate(map(len, clusters(text))))
        keep = bisect_right(ends, low)
        return text[: ends[keep - 1] if keep else 0].rstrip() + ELLIPSIS


def _cache(cache: dict[str, T], text: str, value: T, max_entries: int) -> None:
    """Adds a value to a cache, which is cleared when it is full."""
    if len(text) <= _MAX_CACHED_CHARACTERS:
        if len(cache) >= max_entries:
            cache.clear()
        cache[text] = value
