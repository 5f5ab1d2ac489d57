"""Embeds subsets of the fonts, with the tables that map codes to glyphs and to text (§9.6, §9.7)."""

from __future__ import annotations

from collections.abc import Callable

from resma.writers.pdf.fonts.glyph_codes import WideState
from resma.writers.pdf.fonts.own_faces import CODE_POINTS, FACES, Face
from resma.writers.pdf.fonts.to_unicode import to_unicode
from resma.writers.pdf.fonts.type0 import wide_font
from resma.writers.pdf.syntax.objects import reference, stream

Add = Callable[[bytes], int]
"""Writes an object and returns its number."""

_LATIN = [0xFFFD] * 32 + CODE_POINTS[32:]


def font_resources(states: dict[str, WideState], add: Add) -> bytes:
    """Writes the fonts. Returns the entries of a /Font dictionary: `/R1` and `/B1`, and from 2 on those of wide text.

    `states` has the state of wide text by the letter of its face.
    """
    entries = []
    for letter, face in FACES.items():
        entries.append(b"/%b1 %b" % (letter.encode(), reference(_simple_font(face(), add))))
        state = states.get(letter, WideState())
        for plane, used in enumerate(state.typefaces):
            number = wide_font(letter, plane, used, add)
            entries.append(b"/%b%d %b" % (letter.encode(), 2 + plane, reference(number)))
    return b"".join(entries)


def _simple_font(face: Face, add: Add) -> int:
    """Writes a TrueType font with one-byte codes in Windows-1252 (§9.6.3). Returns its object number.

    The font is symbolic: codes are mapped by the subset's (1,0) table, without an encoding (§9.6.6.4).
    """
    name = b"RESMAL+" + face.ttf.name
    descriptor = _descriptor(face, name, add)
    widths = b" ".join([b"%d" % face.width_of(point) for point in _LATIN[32:]])
    pairs = [(code, chr(point)) for code, point in enumerate(_LATIN) if point != 0xFFFD]
    text = add(stream(b"", to_unicode(pairs, 1)))
    return add(
        b"<</Type/Font/Subtype/TrueType/BaseFont/%b/FirstChar 32/LastChar 255/Widths[%b]"
        b"/FontDescriptor %d 0 R/ToUnicode %d 0 R>>" % (name, widths, descriptor, text)
    )


def _descriptor(face: Face, name: bytes, add: Add) -> int:
    """Writes the subset and its font descriptor (§9.8.1). Returns the object number of the descriptor."""
    ttf = face.ttf
    program = ttf.makeSubset([point if point != 0xFFFD else 0 for point in _LATIN])
    file = add(stream(b"/Length1 %d" % len(program), program))
    box = b" ".join([b"%d" % round(value) for value in ttf.bbox])
    return add(
        b"<</Type/FontDescriptor/FontName/%b/Flags 4/FontBBox[%b]/ItalicAngle 0/Ascent %d/Descent %d"
        b"/CapHeight %d/StemV %d/MissingWidth %d/FontFile2 %d 0 R>>"
        % (
            name,
            box,
            round(ttf.ascent),
            round(ttf.descent),
            round(ttf.capHeight),
            round(ttf.stemV),
            face.missing_width,
            file,
        )
    )
