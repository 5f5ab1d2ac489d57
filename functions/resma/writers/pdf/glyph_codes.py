"""Codes of wide text: two bytes for a glyph together with its text, numbered in order of first use.

So a text can be searched for and copied whatever its glyphs are, even where one glyph serves several characters or
no typeface has any.
"""

from __future__ import annotations

import unicodedata
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from resma.errors import SettingsInvalid
from resma.writers.pdf.shaping import Glyph
from resma.writers.pdf.typefaces import FOLDERS_VARIABLE, Typeface, installed_typefaces, own_typeface

MAX_TYPEFACES = 16
"""In one file, for a face: a code and the number of its typeface make a character of Unicode's first 16 planes."""

MAX_CODES = 0xD800
"""In one typeface. In the first plane, surrogates follow."""

UNKNOWN = "\ufffd"


@dataclass(slots=True)
class UsedTypeface:
    """A typeface in use, how it is known again, and the glyphs and their texts by code."""

    file: str
    index: int
    file_bytes: int
    glyphs: array[int] = field(default_factory=lambda: array("H"))
    texts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class WideState:
    """What is in use of wide text of one face: at most 16 typefaces of 55,296 codes, 100 bytes each."""

    typefaces: list[UsedTypeface] = field(default_factory=list)
    """In order of first use, but the report's own before any other."""


class GlyphCodes:
    """A code is a character: its plane is the place of the typeface in the state, its rest the two bytes."""

    def __init__(self, letter: str, state: WideState) -> None:
        self._state = state
        self._own = own_typeface(letter)
        self._box = self._own.glyph(UNKNOWN)
        self._planes: dict[Typeface, int] = {}
        self._codes: list[dict[tuple[int, str], int]] = []
        for used in state.typefaces:
            self._planes[find_typeface(letter, used)] = len(self._codes)
            self._codes.append({pair: code for code, pair in enumerate(zip(used.glyphs, used.texts, strict=True))})

    def typefaces(self) -> Iterator[Typeface]:
        """In the order in which they are tried."""
        yield self._own
        yield from installed_typefaces()

    def code_of(self, char: str) -> str:
        """For a character that takes one glyph: a box where there is none, nothing for what is invisible by nature."""
        typeface, glyph = self._glyph(char)
        if glyph == self._box and unicodedata.category(char) == "Cf":
            return ""
        return self._code(typeface, glyph, char)

    def width_of(self, char: str) -> int:
        """In thousandths of an em."""
        typeface, glyph = self._glyph(char)
        invisible = glyph == self._box and unicodedata.category(char) == "Cf"
        return 0 if invisible else typeface.advance(glyph)

    def placed(self, typeface: Typeface, glyph: Glyph) -> tuple[str, int, int, int]:
        """The code, how far it is moved to the right and up, and what is to be taken off the advance after it."""
        code = self._code(typeface, glyph.glyph, glyph.text)
        return code, glyph.right, glyph.up, typeface.advance(glyph.glyph) - glyph.advance

    def _glyph(self, char: str) -> tuple[Typeface, int]:
        for typeface in self.typefaces():
            glyph = typeface.glyph(char)
            if glyph:
                return typeface, glyph
        return self._own, self._box

    def _code(self, typeface: Typeface, glyph: int, text: str) -> str:
        plane = self._planes.get(typeface)
        if plane is None:
            plane = self._begin(typeface)
        codes, used = self._codes[plane], self._state.typefaces[plane]
        code = codes.get((glyph, text))
        if code is None:
            code = len(codes)
            if code >= MAX_CODES:
                return chr(0)
            codes[glyph, text] = code
            used.glyphs.append(glyph)
            used.texts.append(text)
        return chr(plane << 16 | code)

    def _begin(self, typeface: Typeface) -> int:
        """The next plane. The own typeface's first code is the box, for what there are no codes left for."""
        if not self._codes and typeface is not self._own:
            self._begin(self._own)
        plane = self._planes[typeface] = len(self._codes)
        self._codes.append({})
        path = typeface.path
        self._state.typefaces.append(UsedTypeface(path.name, typeface.index, path.stat().st_size))
        if plane == 0:
            self._code(typeface, self._box, UNKNOWN)
        return plane


def find_typeface(letter: str, used: UsedTypeface) -> Typeface:
    """The typeface that a state names, on this machine. Raises SettingsInvalid where it is not here."""
    own = own_typeface(letter)
    for typeface in (own,) if used.file == own.path.name else installed_typefaces():
        if (typeface.path.name, typeface.index, typeface.path.stat().st_size) == (
            used.file,
            used.index,
            used.file_bytes,
        ):
            return typeface
    message = f"a report was begun with the font {used.file}: install it, or name its folder in {FOLDERS_VARIABLE}"
    raise SettingsInvalid(message)
