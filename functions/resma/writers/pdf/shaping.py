"""Text as it is seen: in visual order, and for scripts whose letters join or stack, as glyphs chosen by HarfBuzz."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import uharfbuzz as hb
from bidi import get_display

from resma.writers.pdf.typefaces import Typeface

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
_ORDERED = "\u0600-\u08ff\u2066-\u2069\u202a-\u202e\u200e\u200f"  # also digits and controls of direction
_COMPLEX = re.compile(f"[{_RIGHT_TO_LEFT}{_JOINED}{_ORDERED}]")
_CONTROLS = dict.fromkeys(map(ord, "\u2066\u2067\u2068\u2069\u202a\u202b\u202c\u202d\u202e\u200e\u200f"))
_SEGMENTS = re.compile(
    f"([{_RIGHT_TO_LEFT}]+)|([^{_RIGHT_TO_LEFT}{_JOINED}]?[{_JOINED}]+)|(?:[^{_RIGHT_TO_LEFT}{_JOINED}](?![{_JOINED}]))+"
)
_IGNORABLE = frozenset("\u200c\u200d")


@dataclass(frozen=True, slots=True)
class Glyph:
    """A glyph in its place, and the text that it stands for; distances are in thousandths of an em."""

    glyph: int
    text: str
    """Empty for all glyphs but one of those that make a letter together."""
    advance: int
    right: int = 0
    up: int = 0


def is_complex(char: str) -> bool:
    """Whether text that holds this character takes more than one glyph after the other."""
    return _COMPLEX.match(char) is not None


def segments(text: str) -> Iterator[tuple[str, bool | None]]:
    """Pieces from left to right as they are seen (UAX #9), each in logical order.

    With each comes whether it runs right to left, or None where it needs no shaping.
    """
    for found in _SEGMENTS.finditer(get_display(text).translate(_CONTROLS)):
        if found[1]:
            yield found[1][::-1], True
        else:
            yield found[0], False if found[2] else None


def covers(typeface: Typeface, text: str) -> bool:
    return all(typeface.glyph(char) or char in _IGNORABLE for char in text)


def shaped(typeface: Typeface, text: str, *, right_to_left: bool) -> list[Glyph]:
    """The glyphs of one segment, from left to right."""
    buffer = hb.Buffer()
    buffer.cluster_level = hb.BufferClusterLevel.MONOTONE_CHARACTERS
    buffer.flags = hb.BufferFlags.REMOVE_DEFAULT_IGNORABLES
    buffer.add_str(text)
    buffer.direction = "rtl" if right_to_left else "ltr"
    buffer.guess_segment_properties()
    hb.shape(typeface.font, buffer, {"kern": False})
    infos, positions = buffer.glyph_infos, buffer.glyph_positions
    texts = _texts(text, [info.cluster for info in infos], [place.x_advance for place in positions])
    scaled = typeface.scaled
    return [
        Glyph(info.codepoint, part, scaled(place.x_advance), scaled(place.x_offset), scaled(place.y_offset))
        for info, place, part in zip(infos, positions, texts, strict=True)
    ]


def _texts(text: str, clusters: list[int], advances: list[int]) -> list[str]:
    """What each glyph stands for. Of several glyphs of a cluster, the widest has its text."""
    starts = sorted({0, *clusters, len(text)})
    after = dict(pairwise(starts))
    widest: dict[int, int] = {}
    for place, cluster in enumerate(clusters):
        if cluster not in widest or advances[place] > advances[widest[cluster]]:
            widest[cluster] = place
    return [
        text[cluster : after[cluster]] if widest[cluster] == place else "" for place, cluster in enumerate(clusters)
    ]


def may_end_before(char: str) -> bool:
    """Whether text can be cut before it: not between a letter and its marks."""
    return not char or unicodedata.category(char) not in ("Mn", "Me", "Mc")
