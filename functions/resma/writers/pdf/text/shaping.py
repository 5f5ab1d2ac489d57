"""Text in visual order, and shaping by HarfBuzz for scripts whose letters join or stack."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

import uharfbuzz as hb
from bidi import get_display

from resma.writers.pdf.fonts.typefaces import Typeface

_RIGHT_TO_LEFT = (
    # Hebrew, Arabic, Syriac, Thaana, N'Ko and others, without digits and number signs, which run left to right
    "\u0590-\u05ff\u0606-\u065f\u066d-\u06dc\u06de-\u06ef\u06fa-\u08ff\ufb1d-\ufdff\ufe70-\ufefe"
    "\u200c\u200d\U00010800-\U00010d2f\U00010d40-\U00010e5f\U00010e80-\U00010fff\U0001e800-\U0001eeff"
)
_JOINING = (
    # Combining marks; Indic and South East Asian scripts; old Hangul
    "\u0300-\u036f\u0483-\u0489\u0900-\u109f\u1100-\u11ff\u1700-\u18af\u1900-\u1cff\u1dc0-\u1dff\u20d0-\u20ff"
    "\u302a-\u302f\u3099\u309a\ua8e0-\uaaff\uabc0-\uabff\ufe00-\ufe0f\ufe20-\ufe2f\U00011000-\U00011fff"
    "\U000e0100-\U000e01ef"
)
_JOINERS = "\u200c\u200d"
"""Zero width non-joiner and joiner. Between letters, they decide which form the letters have (Unicode 23.2)."""
_REGIONAL = "\U0001f1e6-\U0001f1ff"
_SKIN_TONES = "\U0001f3fb-\U0001f3ff"
_PICTURE = "[\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff]"
_EMOJI_PART = f"{_PICTURE}\ufe0f?[{_SKIN_TONES}]?"
_EMOJI = f"[{_REGIONAL}]{{2}}|{_EMOJI_PART}(?:\u200d{_EMOJI_PART})+|{_PICTURE}\ufe0f?[{_SKIN_TONES}]"
"""Emoji of several characters: flags, joined pictures, skin tones (UTS #51, 1.4)."""
_ORDERED = (
    "\u0600-\u08ff\u2066-\u2069\u202a-\u202e\u200e\u200f"  # includes digits and directional formatting characters
)
_COMPLEX = re.compile(f"[{_RIGHT_TO_LEFT}{_JOINING}{_ORDERED}{_REGIONAL}{_SKIN_TONES}]")
_SEGMENTS = re.compile(
    f"(?P<emoji>{_EMOJI})"
    f"|(?P<right_to_left>[{_RIGHT_TO_LEFT}]+(?:[ \u00a0]+[{_RIGHT_TO_LEFT}]+)*)"
    f"|(?P<joining>[^{_RIGHT_TO_LEFT}{_JOINING}]?[{_JOINING}][{_JOINING}{_JOINERS}]*)"
    f"|(?:(?!{_EMOJI})[^{_RIGHT_TO_LEFT}{_JOINING}])+(?![{_JOINING}])"
)
_WORDS = re.compile("[ \u00a0]+|[^ \u00a0]+")
_INVISIBLE = "\u200b\u200c\u200d\u034f\0"
"""Characters that have an empty glyph of zero width in most typefaces."""

_PAIRS = "()[]{}<>«»‹›≤≥⟨⟩（）［］｛｝「」『』【】《》〈〉"
_MIRROR = {char: _PAIRS[index ^ 1] for index, char in enumerate(_PAIRS)}
_PAIRED = re.compile(f"([{re.escape(_PAIRS)}])")
_FOLLOWER = "\u034f"
"""The combining grapheme joiner. As a mark, it keeps its order relative to the bracket before it (UAX #9, N0), so that
it shows whether the bracket was reversed."""
_NOT_SEEN = re.compile(f"[{_FOLLOWER}\u2066-\u2069\u202a-\u202e\u200e\u200f]")
_TURNED = re.compile(f"{_FOLLOWER}([{re.escape(_PAIRS)}])")


@dataclass(frozen=True, slots=True)
class Glyph:
    """A positioned glyph and the text that it represents; distances are in thousandths of an em."""

    glyph: int
    text: str
    """Text for search and copy. Only one of the glyphs of a letter has text. It has several characters if the typeface
    has no invisible glyph."""
    advance: int = 0
    right: int = 0
    up: int = 0


def is_complex(char: str) -> bool:
    """Returns whether text with this character needs shaping, rather than one glyph after another."""
    return _COMPLEX.match(char) is not None


def segments(text: str) -> Iterator[tuple[str, bool | None]]:
    """Yields words and other segments in visual order from left to right (UAX #9), each in logical order.

    Each comes with a flag whether it runs right to left; None means that it needs no shaping.
    """
    for match in _SEGMENTS.finditer(_in_visual_order(text)):
        if match["right_to_left"]:
            for word in _WORDS.findall(match[0]):
                yield word[::-1], True
        else:
            yield match[0], False if match["joining"] or match["emoji"] else None


def _in_visual_order(text: str) -> str:
    """Returns text in visual order. Mirrors brackets in right-to-left text, which the library does not do."""
    text = text.replace(_FOLLOWER, "")
    visual = get_display(_PAIRED.sub(rf"\1{_FOLLOWER}", text))
    visual = _TURNED.sub(lambda match: _MIRROR[match[1]], visual)
    return _NOT_SEEN.sub("", visual)


def shaped(typeface: Typeface, text: str, *, right_to_left: bool) -> list[Glyph]:
    """Shapes one segment. Returns its glyphs from left to right."""
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
        cluster_glyphs = [_glyph(typeface, info, position) for info, position in some]
        glyphs += _assign_text(typeface, cluster_glyphs, text[cluster : ends[cluster]], right_to_left=right_to_left)
    return glyphs


def _glyph(typeface: Typeface, info: hb.GlyphInfo, position: hb.GlyphPosition) -> Glyph:
    scaled = typeface.scaled
    return Glyph(info.codepoint, "", scaled(position.x_advance), scaled(position.x_offset), scaled(position.y_offset))


def _assign_text(typeface: Typeface, glyphs: list[Glyph], text: str, *, right_to_left: bool) -> list[Glyph]:
    """Assigns the letters of a cluster to its glyphs, so that PDF viewers can search for and copy them.

    Letters are assigned to glyphs with a width, because viewers interpret a glyph with a width but without a letter as
    a space. Further letters are assigned to invisible glyphs of zero width, because some viewers reverse several
    letters of one glyph in right-to-left text.
    """
    widest = max(range(len(glyphs)), key=lambda index: glyphs[index].advance)
    if right_to_left:
        lettered = _with_letters(typeface, glyphs[widest], text)
        return [*glyphs[:widest], *lettered[::-1], *glyphs[widest + 1 :]]
    indexes = [index for index, glyph in enumerate(glyphs) if glyph.advance][: len(text)] or [widest]
    parts = [*text[: len(indexes) - 1], text[len(indexes) - 1 :]]
    letters = dict(zip(indexes, parts, strict=True))
    return _move_marks(
        lettered
        for index, glyph in enumerate(glyphs)
        for lettered in (_with_letters(typeface, glyph, letters[index]) if index in letters else [glyph])
    )


def _move_marks(glyphs: Iterable[Glyph]) -> list[Glyph]:
    """Moves marks without text before their letters if this needs a shorter move to the left or right.

    Some viewers interpret a move of the width of a space as a space.
    """
    moved: list[Glyph] = []
    letter = None
    for glyph in glyphs:
        if glyph.advance:
            letter = len(moved)
        elif not glyph.text and letter is not None and -2 * glyph.right > moved[letter].advance:
            moved.insert(letter, replace(glyph, right=glyph.right + moved[letter].advance))
            letter += 1
            continue
        moved.append(glyph)
    return moved


def _with_letters(typeface: Typeface, glyph: Glyph, text: str) -> list[Glyph]:
    """Returns the glyph for the first letter, and invisible glyphs for the others, if the typeface has one."""
    invisible = next((n for n in map(typeface.glyph, _INVISIBLE) if n and not typeface.advance(n)), 0)
    if not invisible:
        return [replace(glyph, text=text)]
    return [replace(glyph, text=text[:1]), *[Glyph(invisible, char) for char in text[1:]]]
