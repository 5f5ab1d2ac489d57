"""One font file as HarfBuzz reads it. Files are mapped: of 20 MB of Chinese, only the pages used come into memory."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import uharfbuzz as hb

from resma.writers.pdf.fonts.cff import has_cids
from resma.writers.pdf.fonts.own_faces import FONTS

_SIMPLIFIED_CHINESE = 2
"""Noto Sans CJK is a collection. Its members differ in how they draw characters that the languages share."""

IGNORABLE = frozenset("\u200c\u200d\ufe0e\ufe0f")
"""Joiners and variation selectors: they choose glyphs, and need none themselves."""


class Typeface:
    """A font file, open for shaping and embedding. Widths are in thousandths of an em."""

    def __init__(self, path: Path, weight: int = 400) -> None:
        """`weight` is for variable fonts. Raises `hb.HarfBuzzError` if the file cannot be read."""
        self.path = path
        self.index = _SIMPLIFIED_CHINESE if path.name.startswith("NotoSansCJK-") and path.suffix == ".ttc" else 0
        self.face = hb.Face(hb.Blob.from_file_path(str(path)), self.index)
        self.font = hb.Font(self.face)
        self.variation = {axis.tag: float(weight) for axis in self.face.axis_infos if axis.tag == "wght"}
        if self.variation:
            self.font.set_variations(self.variation)
        self.is_cff = "CFF " in self.face.table_tags
        self._scale: float = 1000 / self.face.upem

    @property
    def is_embeddable(self) -> bool:
        """False for fonts that PDF cannot embed: bitmap fonts, and CFF fonts without CIDs or of format CFF2."""
        return has_cids(self.path, self.index) if self.is_cff else "glyf" in self.face.table_tags

    def has_all(self, text: str) -> bool:
        """Whether the font has a glyph for every character of the text that needs one."""
        return all(self.glyph(char) or char in IGNORABLE for char in text)

    def glyph(self, char: str) -> int:
        """The number of the character's glyph, or 0."""
        glyph: int | None = self.font.get_nominal_glyph(ord(char))
        return glyph or 0

    def advance(self, glyph: int) -> int:
        return self.scaled(self.font.get_glyph_h_advance(glyph))

    def scaled(self, units: float) -> int:
        return round(units * self._scale)


@cache
def own_typeface(letter: str) -> Typeface:
    return Typeface(FONTS / {"R": "Roboto-Regular.ttf", "B": "Roboto-Bold.ttf"}[letter])
