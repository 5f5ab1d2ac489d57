"""Typefaces for text beyond Windows-1252: the report's own, then those that the machine has installed.

Nothing is looked for until a text needs it. Files are mapped, not read: of 20 MB of Chinese, only the pages
touched come into memory.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path

import uharfbuzz as hb

from resma.writers.pdf.compact_font import has_cids
from resma.writers.pdf.face import FONTS

FOLDERS_VARIABLE = "RESMA_FONTS"
"""Environment variable: folders, as in PATH, whose fonts are tried before any other, in order of their names."""

_FOLDERS = (
    # PyPI, the extra `scripts`
    "fontpkg_heebo/files",
    "fontpkg_ibm_plex_sans_arabic/files",
    "noto_cjk_sans_otc",
    # A Lambda layer
    "/opt/fonts",
    # Debian
    "/usr/share/fonts/truetype/noto",
    "/usr/share/fonts/opentype/noto",
    "/usr/share/fonts/truetype/droid",
    "/usr/share/fonts/truetype/dejavu",
)

_FILES = (
    ("Heebo[wght].ttf",),
    ("NotoSansHebrew-Regular.ttf", "NotoSansHebrew-Bold.ttf"),
    ("IBMPlexSansArabic-Regular.ttf", "IBMPlexSansArabic-Bold.ttf"),
    ("NotoSansArabic-Regular.ttf", "NotoSansArabic-Bold.ttf"),
    ("NotoSansCJK-Regular.ttc", "NotoSansCJK-Bold.ttc"),
    ("DroidSansFallbackFull.ttf",),
    ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
)
"""What is looked for in these folders, the preferred first: regular and, where there is one, bold. docs/fonts.md says
which package brings which."""

_SIMPLIFIED_CHINESE = 2
"""Noto Sans CJK is a collection. Its members differ in how they draw characters that the languages share."""

_SUFFIXES = (".ttf", ".otf", ".ttc")
_WEIGHTS = {"R": 400, "B": 700}

MAX_INSTALLED = 15
"""More are not looked at."""


class Typeface:
    """One typeface file, as HarfBuzz sees it. Widths are in thousandths of an em."""

    def __init__(self, path: Path, weight: int = 400) -> None:
        """`weight` is for variable fonts. Raises `hb.HarfBuzzError` where the file cannot be read."""
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
    def embeddable(self) -> bool:
        """False for what PDF has no place for: no outlines, or those of a variable CFF2 font."""
        return has_cids(self.path, self.index) if self.is_cff else "glyf" in self.face.table_tags

    def glyph(self, char: str) -> int:
        """0 where there is none."""
        glyph: int | None = self.font.get_nominal_glyph(ord(char))
        return glyph or 0

    def advance(self, glyph: int) -> int:
        return self.scaled(self.font.get_glyph_h_advance(glyph))

    def scaled(self, units: float) -> int:
        return round(units * self._scale)


@cache
def own_typeface(letter: str) -> Typeface:
    return Typeface(FONTS / {"R": "Roboto-Regular.ttf", "B": "Roboto-Bold.ttf"}[letter])


@cache
def installed_typefaces(letter: str) -> tuple[Typeface, ...]:
    """All that the machine offers, in the order in which they are tried. Found once in a process."""
    paths = dict.fromkeys(path.resolve() for path in _font_files(letter))
    opened = (_opened(path, _WEIGHTS[letter]) for path in paths)
    return tuple(islice((typeface for typeface in opened if typeface), MAX_INSTALLED))


def _font_files(letter: str) -> Iterator[Path]:
    for folder in filter(None, os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep)):
        paths = sorted(path for path in Path(folder).glob("*") if path.suffix.lower() in _SUFFIXES)
        yield from [path for path in paths if path.stem.endswith("-Bold") == (letter == "B")]
        yield from paths
    places = [Path(entry, folder) for folder in _FOLDERS for entry in (*sys.path, "/")]
    folders = [place for place in dict.fromkeys(places) if place.is_dir()]
    for names in _FILES:
        wanted = names[::-1] if letter == "B" else names
        yield from islice((folder / name for name in wanted for folder in folders if (folder / name).is_file()), 1)


def _opened(path: Path, weight: int) -> Typeface | None:
    try:
        typeface = Typeface(path, weight)
    except hb.HarfBuzzError:
        return None
    return typeface if typeface.embeddable else None
