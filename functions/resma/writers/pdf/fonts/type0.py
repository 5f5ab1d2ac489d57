"""Embeds the typefaces of wide text as Type 0 fonts with two-byte codes (§9.7), from subsets by HarfBuzz."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import uharfbuzz as hb

from resma.writers.pdf.fonts.cff import renumbered
from resma.writers.pdf.fonts.glyph_codes import UsedTypeface, find_typeface
from resma.writers.pdf.fonts.to_unicode import to_unicode
from resma.writers.pdf.fonts.typefaces import Typeface
from resma.writers.pdf.syntax.objects import stream

_DROPPED = [
    int.from_bytes(tag.encode("ascii"), "big")
    for tag in (
        "BASE", "DSIG", "GDEF", "GPOS", "GSUB", "HVAR", "JSTF", "MATH", "MVAR", "OS/2", "STAT", "VORG", "cmap", "gasp",
        "hdmx", "kern", "meta", "name", "post", "vhea", "vmtx",
    )
]  # fmt: skip
"""Tables that PDF viewers do not use in embedded fonts."""


def wide_font(letter: str, plane: int, used: UsedTypeface, add: Callable[[bytes], int]) -> int:
    """Writes a Type 0 font. Returns its object number. `plane` is the index of the font in the state."""
    typeface = find_typeface(letter, used)
    high, low = divmod(plane, 26)
    name = b"WID%b%c%c+%b" % (letter.encode("ascii"), ord("A") + high, ord("A") + low, _name(typeface))
    subset, glyphs = subset_of(typeface, used.glyphs)
    widths = b" ".join([b"%d" % typeface.advance(glyph) for glyph in used.glyphs])
    if typeface.is_cff:
        program = _with_codes(subset, glyphs)
        file = b"/FontFile3 %d 0 R" % add(stream(b"/Subtype/CIDFontType0C", program))
        kind, mapping = b"CIDFontType0", b""
    else:
        program = bytes(subset.blob.data)
        file = b"/FontFile2 %d 0 R" % add(stream(b"/Length1 %d" % len(program), program))
        to_glyphs = b"".join([glyph.to_bytes(2, "big") for glyph in glyphs])
        kind, mapping = b"CIDFontType2", b"/CIDToGIDMap %d 0 R" % add(stream(b"", to_glyphs))
    descriptor = add(_descriptor(typeface, name) + file + b">>")
    cid_font = add(
        b"<</Type/Font/Subtype/%b/BaseFont/%b/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
        b"/FontDescriptor %d 0 R/DW 1000/W[0[%b]]%b>>" % (kind, name, descriptor, widths, mapping)
    )
    text = add(stream(b"", to_unicode(list(enumerate(used.texts)), 2)))
    base = name + b"-Identity-H" if typeface.is_cff else name
    return add(
        b"<</Type/Font/Subtype/Type0/BaseFont/%b/Encoding/Identity-H/DescendantFonts[%d 0 R]/ToUnicode %d 0 R>>"
        % (base, cid_font, text)
    )


def _with_codes(subset: hb.Face, glyphs: Sequence[int]) -> bytes:
    """Returns the CFF program with codes as the CIDs of its glyphs. Glyphs without a code get CIDs after all codes."""
    cids = list(range(len(glyphs), len(glyphs) + subset.glyph_count))
    for code, glyph in enumerate(glyphs):
        cids[glyph] = code
    return renumbered(bytes(subset.reference_table("CFF ").data), cids)


def subset_of(typeface: Typeface, glyphs: Sequence[int]) -> tuple[hb.Face, list[int]]:
    """Returns a face with only these glyphs, and their numbers in it."""
    subset = hb.SubsetInput()
    subset.glyph_set.update(set(glyphs))
    subset.flags = hb.SubsetFlags.NO_LAYOUT_CLOSURE | hb.SubsetFlags.NO_HINTING | hb.SubsetFlags.NOTDEF_OUTLINE
    subset.drop_table_tag_set.update(_DROPPED)
    if typeface.face.has_var_data:
        subset.pin_all_axes_to_default(typeface.face)
        for tag, value in typeface.variation.items():
            subset.pin_axis_location(typeface.face, tag, value)
    plan = hb.SubsetPlan(typeface.face, subset)
    numbers = plan.old_to_new_glyph_mapping
    return cast("hb.Face", plan.execute()), [numbers[glyph] for glyph in glyphs]


def _name(typeface: Typeface) -> bytes:
    name = typeface.face.get_name(hb.OTNameIdPredefined.POSTSCRIPT_NAME) or typeface.path.stem
    return "".join(char for char in name if char.isascii() and (char.isalnum() or char == "-")).encode("ascii")


def _descriptor(typeface: Typeface, name: bytes) -> bytes:
    """Returns the font descriptor (§9.8.1) without its end, so that the entry of the font file can be appended."""
    head = typeface.face.reference_table("head").data
    corners = [int.from_bytes(head[at : at + 2], "big", signed=True) for at in range(36, 44, 2)]  # xMin to yMax
    box = b" ".join([b"%d" % typeface.scaled(corner) for corner in corners])
    extents = typeface.font.get_font_extents("ltr")
    cap_height = typeface.font.get_metric_position_with_fallback(hb.OTMetricsTag.CAP_HEIGHT)
    return (
        b"<</Type/FontDescriptor/FontName/%b/Flags 4/FontBBox[%b]/ItalicAngle 0/Ascent %d/Descent %d/CapHeight %d"
        b"/StemV 80"
        % (
            name,
            box,
            typeface.scaled(extents.ascender),
            typeface.scaled(extents.descender),
            typeface.scaled(cap_height),
        )
    )
