"""Embedding: subsets of the faces, with the tables by which readers find glyphs and text again (§9.6, §9.7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from resma.writers.pdf.encodings import ASTRAL_CODES
from resma.writers.pdf.face import FACES, Face
from resma.writers.pdf.objects import reference, stream
from resma.writers.pdf.wide import WideState

Add = Callable[[bytes], int]
"""Writes an object and returns its number."""

_LATIN = [ord(bytes([code]).decode("cp1252", "replace")) for code in range(256)]
_LATIN[:32] = [0xFFFD] * 32


def font_resources(states: dict[str, WideState], add: Add) -> bytes:
    """Writes the fonts and returns the entries of a /Font dictionary: those of wide text if it was used.

    `states` holds the state of wide text by the letter of its face.
    """
    entries = []
    for letter, face in FACES.items():
        entries.append(b"/%b1 %b" % (letter.encode(), reference(_simple_font(face(), add))))
        state = states.get(letter)
        if state and (state.rows or state.astral):
            number = _composite_font(face(), letter, sorted(state.rows), state.astral, add)
            entries.append(b"/%b2 %b" % (letter.encode(), reference(number)))
    return b"".join(entries)


def _simple_font(face: Face, add: Add) -> int:
    """A TrueType font with one-byte codes, Windows-1252 (§9.6.3).

    It is symbolic: codes go through the subset's own (1,0) table, which no reader interprets (§9.6.6.4).
    """
    name = b"RESMAL+" + face.ttf.name
    descriptor = _descriptor(face, name, [p if p != 0xFFFD else 0 for p in _LATIN], add)
    widths = b" ".join([b"%d" % face.width_of(point) for point in _LATIN[32:]])
    to_unicode = add(stream(b"", _to_unicode([(i, p) for i, p in enumerate(_LATIN) if p != 0xFFFD], 1)))
    return add(
        b"<</Type/Font/Subtype/TrueType/BaseFont/%b/FirstChar 32/LastChar 255/Widths[%b]"
        b"/FontDescriptor %d 0 R/ToUnicode %d 0 R>>" % (name, widths, descriptor, to_unicode)
    )


def _composite_font(face: Face, letter: str, rows: Sequence[int], astral: Sequence[int], add: Add) -> int:
    """A Type 0 font: two-byte codes are CIDs (Identity-H), a map leads from CIDs to glyphs (§9.7.4.2).

    Codes are code points; whatever has no glyph is on the box that is glyph 0.
    """
    name = b"RESMA%b+%b" % (b"W" if letter == "R" else b"X", face.ttf.name)
    points = [point for row in rows for point in range(row << 8, (row + 1) << 8) if point in face.glyphs]
    descriptor = _descriptor(face, name, points, add)
    widths = b"".join([b"%d[%d]" % (point, face.width_of(point)) for point in points])
    glyphs = bytearray(0x20000)
    for point, glyph in zip(points, _subset_glyphs(face, points), strict=True):
        glyphs[2 * point : 2 * point + 2] = glyph.to_bytes(2, "big")
    map_number = add(stream(b"", bytes(glyphs)))
    cid_font = add(
        b"<</Type/Font/Subtype/CIDFontType2/BaseFont/%b/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)"
        b"/Supplement 0>>/FontDescriptor %d 0 R/DW %d/W[%b]/CIDToGIDMap %d 0 R>>"
        % (name, descriptor, face.missing_width, widths, map_number)
    )
    to_unicode = add(stream(b"", _to_unicode(list(zip(ASTRAL_CODES, astral, strict=False)), 2, rows)))
    return add(
        b"<</Type/Font/Subtype/Type0/BaseFont/%b/Encoding/Identity-H/DescendantFonts[%d 0 R]/ToUnicode %d 0 R>>"
        % (name, cid_font, to_unicode)
    )


def _descriptor(face: Face, name: bytes, points: Sequence[int], add: Add) -> int:
    """The font descriptor (§9.8.1) and, before it, the subset itself."""
    ttf = face.ttf
    program = ttf.makeSubset(list(points))
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


def _subset_glyphs(face: Face, points: Sequence[int]) -> list[int]:
    """Glyph numbers in the subset that reportlab makes of these code points: in order of first use, from 0."""
    places = {0: 0}
    return [places.setdefault(face.glyphs.get(point, 0), len(places)) for point in points]


def _to_unicode(pairs: Sequence[tuple[int, int]], code_bytes: int, rows: Sequence[int] = ()) -> bytes:
    """A CMap from codes to text (§9.10.3), in blocks of at most 100 lines as CMaps demand.

    The codes of `rows` (256 each) are code points themselves.
    """
    digits = 2 * code_bytes
    lines = [f"<{code:0{digits}X}><{_utf16(point)}>" for code, point in pairs]
    blocks = [lines[i : i + 100] for i in range(0, len(lines), 100)]
    body = "\n".join([f"{len(b)} beginbfchar\n{chr(10).join(b)}\nendbfchar" for b in blocks])
    ranges = [f"<{row:02X}00><{row:02X}FF><{row:02X}00>" for row in rows]
    blocks = [ranges[i : i + 100] for i in range(0, len(ranges), 100)]
    body += "\n".join([f"\n{len(b)} beginbfrange\n{chr(10).join(b)}\nendbfrange" for b in blocks])
    text = (
        "/CIDInit/ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        "/CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def\n"
        "/CMapName/Adobe-Identity-UCS def\n/CMapType 2 def\n"
        f"1 begincodespacerange\n<{'0' * digits}><{'F' * digits}>\nendcodespacerange\n"
        f"{body}\nendcmap\nCMapName currentdict/CMap defineresource pop\nend\nend\n"
    )
    return text.encode("ascii")


def _utf16(point: int) -> str:
    return chr(point).encode("utf-16-be", "surrogatepass").hex().upper()
