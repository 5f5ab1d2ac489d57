"""Finds an installed font that has a character by searching the fonts' character maps, whatever their file names are.

The search starts only when a string needs it. Font files are then opened one after another, in order of preference,
until one has the character. Only the character map of an opened file stays in memory, which takes a few kilobytes.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain, islice
from pathlib import Path

import uharfbuzz as hb

from resma.writers.pdf.fonts.typefaces import IGNORABLE, SIMPLIFIED_CHINESE, Typeface

FOLDERS_VARIABLE = "RESMA_FONTS"
"""Environment variable with folders, separated as in PATH, whose fonts are tried before any other."""

MAX_FONT_FILES = 4_000
"""Maximum number of font files in all folders together. All Noto fonts are 2,500 files."""

_PREFERRED = ("fontpkg_heebo", "fontpkg_ibm_plex_sans_arabic", "noto_cjk_sans_otc", "manimgx_fonts", "fontpkg_*")
"""Python packages of fonts: those of the extra `scripts` in order of preference, then any other."""

_SYSTEM_FOLDERS = ("/opt/fonts", "/usr/local/share/fonts", "/usr/share/fonts")
"""Folders of a Lambda layer and of Linux distributions, in order of preference."""

_SUFFIXES = (".ttf", ".otf", ".ttc")
_WEIGHTS = {"R": 400, "B": 700}
_PLAIN = {"R": ("regular", "medium", "book"), "B": ("bold", "semibold", "extrabold")}
_STYLE = re.compile(r"thin|(?:extra)?light|regular|medium|book|demi|(?:semi|extra)?bold|black|heavy", re.IGNORECASE)
_UNUSUAL = re.compile(r"italic|oblique|condensed|mono|serif|display|slanted|rounded|kufi|nastaliq", re.IGNORECASE)


class FontIndex:
    """Installed fonts in the order in which they are tried for text of one face, `R` or `B`."""

    def __init__(self, letter: str, paths: Iterable[Path], variant: int = SIMPLIFIED_CHINESE) -> None:
        self._variant = variant
        self._weight = _WEIGHTS[letter]
        self._paths = list(islice(dict.fromkeys(paths), MAX_FONT_FILES))
        self._characters: dict[Path, hb.Set] = {}
        self._typefaces: dict[Path, Typeface] = {}

    def find(self, text: str) -> Typeface | None:
        """Returns the first font that has a glyph for every character of the text, or None."""
        points = [ord(char) for char in text if char not in IGNORABLE]
        for path in self._paths:
            if path not in self._characters:
                self._characters[path] = _read_characters(path)
            characters = self._characters[path]
            if all(point in characters for point in points):
                return self._typeface(path)
        return None

    def find_file(self, name: str) -> Iterator[Typeface]:
        """Yields the fonts with this file name."""
        for path in self._paths:
            if path.name == name and _read_characters(path):
                yield self._typeface(path)

    def _typeface(self, path: Path) -> Typeface:
        if path not in self._typefaces:
            self._typefaces[path] = Typeface(path, self._weight, self._variant)
        return self._typefaces[path]


@cache
def installed_fonts(letter: str, variant: int = SIMPLIFIED_CHINESE) -> FontIndex:
    """Returns the installed fonts for one face, with a variant of Noto Sans CJK. Folders are listed once for each."""
    return FontIndex(letter, _font_files(letter), variant)


def _font_files(letter: str) -> Iterator[Path]:
    """Yields font files: the operator's, those of the extra `scripts`, those of other packages, and the system's."""
    own = os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep)
    yield from chain.from_iterable(_in_folder(Path(folder), letter) for folder in own if folder)
    entries = [Path(entry) for entry in dict.fromkeys(sys.path)]
    for package in _PREFERRED:
        for folder in chain.from_iterable(sorted(entry.glob(package)) for entry in entries):
            yield from _in_folder(folder, letter)
    for name in _SYSTEM_FOLDERS:
        yield from _in_folder(Path(name), letter)


def _in_folder(folder: Path, letter: str) -> list[Path]:
    """Returns the font files below a folder, in an order that is the same on every machine."""
    paths = [path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file()]
    return sorted(paths, key=lambda path: (_distance(path.stem, letter), str(path.relative_to(folder))))


def _distance(name: str, letter: str) -> tuple[bool, int]:
    """Returns how far a file's style is from that of the face, by its name: whether it is unusual, and its weight."""
    styles = [style.lower() for style in _STYLE.findall(name)]
    plain = _PLAIN[letter]
    if not styles or "[" in name:  # a variable font, or a family with one style
        rank = 0
    elif styles[-1] in plain:
        rank = plain.index(styles[-1])
    else:
        rank = len(plain) + (styles[-1] != "regular")
    return bool(_UNUSUAL.search(name)), rank


def _read_characters(path: Path) -> hb.Set:
    """Returns the characters that a font has; none if it cannot be read or if PDF cannot embed it."""
    try:
        typeface = Typeface(path)
        return typeface.face.unicodes if typeface.is_embeddable else hb.Set()
    except (hb.HarfBuzzError, OSError, StopIteration, IndexError):
        return hb.Set()
