"""Embeds subsets of the fonts, with the tables that map codes to glyphs and to text (§9.6, §9.7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from resma.writers.pdf.fonts.glyph_codes import WideState
from resma.writers.pdf.fonts.latin_subset import latin_subset
from resma.writers.pdf.fonts.own_faces import CODE_POINTS, FACES
from resma.writers.pdf.fonts.to_unicode import to_unicode
from resma.writers.pdf.fonts.type0 import wide_font
from resma.writers.pdf.syntax.objects import reference, stream

Add = Callable[[bytes], int]
"""Writes an object and returns its number."""

_UNKNOWN = 0xFFFD

_MAX_SUBSETS = 64
"""Maximum number of subsets in the cache, which take at most 15 KB each. Files of a split report often share one."""


def font_resources(states: dict[str, WideState], used: Mapping[str, bytes], add: Add) -> bytes:
    """Writes the fonts. Returns the entries of a /Font dictionary: `/R1` and `/B1`, and from 2 on those of wide text.

    `states` has the state of wide text by the letter of its face, and `used` the codes of the one-byte fonts.
    """
    entries = []
    for letter in FACES:
        entries.append(b"/%b1 %b" % (letter.encode(), reference(_simple_font(letter, used[letter], add))))
        state = states.get(letter, WideState())
        for plane, typeface in enumerate(state.typefaces):
            number = wide_font(letter, plane, typeface, add)
            entries.append(b"/%b%d %b" % (letter.encode(), 2 + plane, reference(number)))
    return b"".join(entries)


@dataclass(frozen=True, slots=True)
class _SimpleFont:
    """The parts of a font that depend on the codes."""

    file: bytes
    text: bytes
    widths: bytes
    """Entries of the font dictionary."""


def _simple_font(letter: str, used: bytes, add: Add) -> int:
    """Writes a TrueType font with one-byte codes in Windows-1252 (§9.6.3). Returns its object number.

    The font is symbolic: codes are mapped by the subset's (1,0) table, without an encoding (§9.6.6.4).
    """
    face, font = FACES[letter](), _subset(letter, used)
    name = b"RESMAL+" + face.ttf.name
    descriptor = add(b"%b/FontFile2 %d 0 R>>" % (_descriptor(letter, name), add(font.file)))
    return add(
        b"<</Type/Font/Subtype/TrueType/BaseFont/%b%b/FontDescriptor %d 0 R/ToUnicode %d 0 R>>"
        % (name, font.widths, descriptor, add(font.text))
    )


@lru_cache(_MAX_SUBSETS)
def _subset(letter: str, used: bytes) -> _SimpleFont:
    """Returns the font with these codes, which must be in order. Other codes have no glyph and no width."""
    face = FACES[letter]()
    codes = [code for code in used or b" " if CODE_POINTS[code] != _UNKNOWN]
    program = latin_subset(letter).program(codes)
    present = frozenset(codes)
    range_ = range(codes[0], codes[-1] + 1)
    widths = b" ".join([b"%d" % face.width_of(CODE_POINTS[code]) if code in present else b"0" for code in range_])
    return _SimpleFont(
        file=stream(b"/Length1 %d" % len(program), program),
        text=stream(b"", to_unicode([(code, chr(CODE_POINTS[code])) for code in codes], 1)),
        widths=b"/FirstChar %d/LastChar %d/Widths[%b]" % (range_.start, range_.stop - 1, widths),
    )


@cache
def _descriptor(letter: str, name: bytes) -> bytes:
    """Returns the font descriptor (§9.8.1) without its end."""
    face = FACES[letter]()
    ttf = face.ttf
    box = b" ".join([b"%d" % round(value) for value in ttf.bbox])
    return (
        b"<</Type/FontDescriptor/FontName/%b/Flags 4/FontBBox[%b]/ItalicAngle 0/Ascent %d/Descent %d"
        b"/CapHeight %d/StemV %d/MissingWidth %d"
        % (
            name,
            box,
            round(ttf.ascent),
            round(ttf.descent),
            round(ttf.capHeight),
            round(ttf.stemV),
            face.missing_width,
        )
    )
