"""Font files, read by HarfBuzz. They are memory-mapped: only the used pages of a 20 MB Chinese font are loaded."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import uharfbuzz as hb

from resma.writers.pdf.fonts.cff import has_cids
from resma.writers.pdf.fonts.own_faces import FONTS

SIMPLIFIED_CHINESE = 2
"""Index in the font collection Noto Sans CJK, whose fonts draw shared characters differently for each language."""

_VARIANTS = {"ja": 0, "ko": 1, "zh-TW": 3, "zh-HK": 4, "zh-MO": 4}
"""Indexes of other variants, by language or locale."""


def cjk_variant(tag: str) -> int:
    """Returns the variant of Noto Sans CJK for a locale: simplified Chinese, unless the locale has its own."""
    return _VARIANTS.get(tag, _VARIANTS.get(tag.partition("-")[0], SIMPLIFIED_CHINESE))


IGNORABLE = frozenset("\u200c\u200d\ufe0e\ufe0f")
"""Joiners and variation selectors, which select glyphs, but need no glyph themselves."""


class Typeface:
    """An open font file, for shaping and embedding. Widths are in thousandths of an em."""

    def __init__(self, path: Path, weight: int = 400, variant: int = SIMPLIFIED_CHINESE) -> None:
        """Opens the file. `weight` is for variable fonts, and `variant` is an index in Noto Sans CJK.

        Raises `hb.HarfBuzzError` if the file cannot be read.
        """
        self.path = path
        self.index = variant if path.name.startswith("NotoSansCJK-") and path.suffix == ".ttc" else 0
        self.face = hb.Face(hb.Blob.from_file_path(str(path)), self.index)
        self.font = hb.Font(self.face)
        self.variation = {axis.tag: float(weight) for axis in self.face.axis_infos if axis.tag == "wght"}
        if self.variation:
            self.font.set_variations(self.variation)
        self.is_cff = "CFF " in self.face.table_tags
        self._scale: float = 1000 / self.face.upem

    @property
    def is_embeddable(self) -> bool:
        """Whether PDF can embed the font: neither a bitmap font, nor a CFF font without CIDs or in format CFF2."""
        return has_cids(self.path, self.index) if self.is_cff else "glyf" in self.face.table_tags

    def has_all(self, text: str) -> bool:
        """Returns whether the font has a glyph for every character of the text that needs one."""
        return all(self.glyph(char) or char in IGNORABLE for char in text)

    def glyph(self, char: str) -> int:
        """Returns the number of the character's glyph; 0 if the font does not have the character."""
        glyph: int | None = self.font.get_nominal_glyph(ord(char))
        return glyph or 0

    def advance(self, glyph: int) -> int:
        """Returns the advance width of a glyph in thousandths of an em."""
        return self.scaled(self.font.get_glyph_h_advance(glyph))

    def scaled(self, units: float) -> int:
        """Converts font units to thousandths of an em."""
        return round(units * self._scale)


@cache
def own_typeface(letter: str) -> Typeface:
    """Returns the report's own typeface of a face, `R` or `B`."""
    return Typeface(FONTS / {"R": "Roboto-Regular.ttf", "B": "Roboto-Bold.ttf"}[letter])
