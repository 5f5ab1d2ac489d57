"""Typefaces for text beyond Windows-1252: the report's own, then those that the machine has installed.

Nothing is looked for until a text needs it. Files are mapped, not read: of 20 MB of Chinese, only the pages
touched come into memory.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import uharfbuzz as hb

from resma.writers.pdf.face import FONTS

FOLDERS_VARIABLE = "RESMA_FONTS"
"""Environment variable: folders, as in PATH, whose fonts are tried before any other, in order of their names."""

_PACKAGES = ("pylopdf_fonts_he", "pylopdf_fonts_ar", "noto_cjk_sans_otc")
"""From PyPI: the extra `scripts`."""

_FOLDERS = (
    "/opt/fonts",  # a Lambda layer
    "/usr/share/fonts/truetype/noto",
    "/usr/share/fonts/opentype/noto",
    "/usr/share/fonts/truetype/droid",
    "/usr/share/fonts/truetype/dejavu",
)

_FILES = (
    "NotoSansHebrew-Regular.ttf",
    "NotoSansHebrew-Variable.ttf",
    "NotoSansArabic-Regular.ttf",
    "NotoSansArabic-Variable.ttf",
    "NotoSansCJK-Regular.ttc",
    "DroidSansFallbackFull.ttf",
    "DejaVuSans.ttf",
)
"""What is looked for in the folders above, the preferred first. docs/fonts.md says which package brings which."""

_COLLECTION_MEMBERS = {"NotoSansCJK-Regular.ttc": 2}
"""Of the collection's members, which differ in how they draw shared characters: simplified Chinese."""

MAX_INSTALLED = 15
"""More are not looked at."""

_SUFFIXES = (".ttf", ".otf", ".ttc")


class Typeface:
    """One typeface file, as HarfBuzz sees it. Widths are in thousandths of an em."""

    def __init__(self, path: Path, index: int = 0) -> None:
        """`index` counts the members of a collection. Raises `hb.HarfBuzzError` where the file cannot be read."""
        self.path = path
        self.index = index
        self.face = hb.Face(hb.Blob.from_file_path(str(path)), index)
        self.font = hb.Font(self.face)
        self.is_cff = "CFF " in self.face.table_tags
        self._scale = 1000 / self.face.upem

    @property
    def embeddable(self) -> bool:
        """False for what PDF has no place for: no outlines, or those of a variable CFF2 font."""
        return self.is_cff or "glyf" in self.face.table_tags

    def glyph(self, char: str) -> int:
        """0 where there is none."""
        return self.font.get_nominal_glyph(ord(char)) or 0

    def advance(self, glyph: int) -> int:
        return round(self.font.get_glyph_h_advance(glyph) * self._scale)

    def scaled(self, units: int) -> int:
        return round(units * self._scale)


@cache
def own_typeface(letter: str) -> Typeface:
    return Typeface(FONTS / {"R": "Roboto-Regular.ttf", "B": "Roboto-Bold.ttf"}[letter])


@cache
def installed_typefaces() -> tuple[Typeface, ...]:
    """All that the machine offers, in the order in which they are tried. Made once in a process: 1 ms."""
    found = {path: _opened(path) for path in _font_files()}
    return tuple(typeface for typeface in found.values() if typeface is not None)[:MAX_INSTALLED]


def _font_files() -> Iterator[Path]:
    for folder in filter(None, os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep)):
        yield from sorted(path for path in Path(folder).glob("*") if path.suffix.lower() in _SUFFIXES)
    places = [Path(entry, package) for entry in sys.path for package in _PACKAGES]
    folders = [folder for folder in (*places, *map(Path, _FOLDERS)) if folder.is_dir()]
    for name in _FILES:
        paths = [folder / name for folder in folders if (folder / name).is_file()]
        yield from paths[:1]


def _opened(path: Path) -> Typeface | None:
    try:
        typeface = Typeface(path, _COLLECTION_MEMBERS.get(path.name, 0))
    except hb.HarfBuzzError:
        return None
    return typeface if typeface.embeddable else None
