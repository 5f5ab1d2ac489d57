"""Text as it is seen: in visual order, and for scripts whose letters join or stack, as glyphs chosen by HarfBuzz."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

import uharfbuzz as hb
from bidi import get_display

from resma.writers.pdf.fonts.typefaces import Typeface

_RIGHT_TO_LEFT = (
    # Hebrew, Arabic, Syriac, Thaana, N'Ko ..., without digits and number signs, which run left to right
    "\u0590-\u05ff\u0606-\u065f\u066d-\u06dc\u06de-\u06ef\u06fa-\u08ff\ufb1d-\ufdff\ufe70-\ufefe"
    "\u200c\u200d\U00010800-\U00010d2f\U00010d40-\U00010e5f\U00010e80-\U00010fff\U0001e800-\U0001eeff"
)
_JOINED = (
    # Marks; Indic and South East Asian scripts; old Hangul
    "\u0300-\u036f\u0483-\u0489\u0900-\u109f\u1100-\u11ff\u1700-\u18af\u1900-\u1cff\u1dc0-\u1dff\u20d0-\u20ff"
    "\u302a-\u302f\u3099\u309a\ua8e0-\uaaff\uabc0-\uabff\ufe00-\ufe0f\ufe20-\ufe2f\U00011000-\U00011fff"
    "\U000e0100-\U000e01ef"
)
_REGIONAL = "\U0001f1e6-\U0001f1ff"
_SKIN_TONES = "\U0001f3fb-\U0001f3ff"
_PICTURE = "[\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff]"
_EMOJI_PART = f"{_PICTURE}\ufe0f?[{_SKIN_TONES}]?"
_EMOJI = f"[{_REGIONAL}]{{2}}|{_EMOJI_PART}(?:\u200d{_EMOJI_PART})+|{_PICTURE}\ufe0f?[{_SKIN_TONES}]"
"""Emoji of several characters: flags, joined pictures, skin tones (UTS #51, 1.4)."""
_ORDERED = "\u0600-\u08ff\u2066-\u2069\u202a-\u202e\u200e\u200f"  # also digits and controls of direction
_COMPLEX = re.compile(f"[{_RIGHT_TO_LEFT}{_JOINED}{_ORDERED}{_REGIONAL}{_SKIN_TONES}]")
_SEGMENTS = re.compile(
    f"(?P<emoji>{_EMOJI})"
    f"|(?P<right_to_left>[{_RIGHT_TO_LEFT}]+(?:[ \u00a0]+[{_RIGHT_TO_LEFT}]+)*)"
    f"|(?P<joined>[^{_RIGHT_TO_LEFT}{_JOINED}]?[{_JOINED}]+)"
    f"|(?:(?!{_EMOJI})[^{_RIGHT_TO_LEFT}{_JOINED}])+(?![{_JOINED}])"
)
_WORDS = re.compile("[ \u00a0]+|[^ \u00a0]+")
_INVISIBLE = "\u200b\u200c\u200d\u034f\0"
"""Some of these have an empty glyph of no width in any typeface."""

_PAIRS = "()[]{}<>«»‹›≤≥⟨⟩（）［］｛｝「」『』【】《》〈〉"
_MIRROR = {char: _PAIRS[place ^ 1] for place, char in enumerate(_PAIRS)}
_PAIRED = re.compile(f"([{re.escape(_PAIRS)}])")
_FOLLOWER = "\u034f"
"""The combining grapheme joiner, a mark: it goes where the bracket before it goes (UAX #9, N0), and shows the way."""
_NOT_SEEN = re.compile(f"[{_FOLLOWER}\u2066-\u2069\u202a-\u202e\u200e\u200f]")
_TURNED = re.compile(f"{_FOLLOWER}([{re.escape(_PAIRS)}])")


@dataclass(frozen=True, slots=True)
class Glyph:
    """A glyph in its place, and the text that it stands for; distances are in thousandths of an em."""

    glyph: int
    text: str
    """Empty for all but one of the glyphs of a letter; several characters where the typeface has nothing invisible."""
    advance: int = 0
    right: int = 0
    up: int = 0


def is_complex(char: str) -> bool:
    """Whether text that holds this character takes more than one glyph after the other."""
    return _COMPLEX.match(char) is not None


def segments(text: str) -> Iterator[tuple[str, bool | None]]:
    """Words and other pieces from left to right as they are seen (UAX #9), each in logical order.

    With each comes whether it runs right to left, or None where it needs no shaping.
    """
    for found in _SEGMENTS.finditer(_in_visual_order(text)):
        if found["right_to_left"]:
            for word in _WORDS.findall(found[0]):
                yield word[::-1], True
        else:
            yield found[0], False if found["joined"] or found["emoji"] else None


def _in_visual_order(text: str) -> str:
    """Brackets that now run from right to left are turned round, which the library does not do."""
    text = text.replace(_FOLLOWER, "")
    seen = get_display(_PAIRED.sub(rf"\1{_FOLLOWER}", text))
    seen = _TURNED.sub(lambda found: _MIRROR[found[1]], seen)
    return _NOT_SEEN.sub("", seen)


def shaped(typeface: Typeface, text: str, *, right_to_left: bool) -> list[Glyph]:
    """The glyphs of one segment, from left to right."""
    buffer = hb.Buffer()
    buffer.flags = hb.BufferFlags.REMOVE_DEFAULT_IGNORABLES
    buffer.add_str(text)
    buffer.direction = "rtl" if right_to_left else "ltr"
    buffer.guess_segment_properties()
    hb.shape(typeface.font, buffer, {"kern": False})
    infos, positions = buffer.glyph_infos, buffer.glyph_positions
    ends = dict(pairwise(sorted({0, *[info.cluster for info in infos], len(text)})))
    glyphs: list[Glyph] = []
    for cluster, some in groupby(zip(infos, positions, strict=True), key=lambda pair: pair[0].cluster):
        placed = [_placed(typeface, info, position) for info, position in some]
        glyphs += _told(typeface, placed, text[cluster : ends[cluster]], right_to_left=right_to_left)
    return glyphs


def _placed(typeface: Typeface, info: hb.GlyphInfo, position: hb.GlyphPosition) -> Glyph:
    scaled = typeface.scaled
    return Glyph(info.codepoint, "", scaled(position.x_advance), scaled(position.x_offset), scaled(position.y_offset))


def _told(typeface: Typeface, glyphs: list[Glyph], text: str, *, right_to_left: bool) -> list[Glyph]:
    """The glyphs of some letters, so that readers find these letters.

    Letters go to glyphs that have a width: what has a width and no letter, readers take for a space. Letters that are
    left over go to invisible glyphs of no width: of several letters on one glyph, some readers turn the order round
    where text runs from right to left.
    """
    widest = max(range(len(glyphs)), key=lambda place: glyphs[place].advance)
    if right_to_left:
        told = _with_letters(typeface, glyphs[widest], text)
        return [*glyphs[:widest], *told[::-1], *glyphs[widest + 1 :]]
    places = [place for place, glyph in enumerate(glyphs) if glyph.advance][: len(text)] or [widest]
    parts = [*text[: len(places) - 1], text[len(places) - 1 :]]
    letters = dict(zip(places, parts, strict=True))
    return [
        told
        for place, glyph in enumerate(glyphs)
        for told in (_with_letters(typeface, glyph, letters[place]) if place in letters else [glyph])
    ]


def _with_letters(typeface: Typeface, glyph: Glyph, text: str) -> list[Glyph]:
    """The glyph for the first letter, and invisible ones for the others, if the typeface has any."""
    none = next((n for n in map(typeface.glyph, _INVISIBLE) if n and not typeface.advance(n)), 0)
    if not none:
        return [replace(glyph, text=text)]
    return [replace(glyph, text=text[:1]), *[Glyph(none, char) for char in text[1:]]]
