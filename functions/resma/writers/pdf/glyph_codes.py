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
from resma.writers.pdf.typefaces import FOLDERS_VARIABLE, Typeface, installed_typefaces, own_typeface

MAX_FONTS = 16
"""In one file, for a face: a code and the place of its font make a character of Unicode's first 16 planes."""

MAX_CODES = 0xD800
"""In one font. In the first plane, surrogates follow."""

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
    """What is in use of wide text of one face: at most 16 fonts of 55,296 codes, 100 bytes each."""

    typefaces: list[UsedTypeface] = field(default_factory=list)
    """In order of first use, but the report's own before any other."""


class GlyphCodes:
    """A code is a character: its plane is the place of the font in the state, its rest the two bytes."""

    def __init__(self, letter: str, state: WideState) -> None:
        self._letter = letter
        self._state = state
        self._own = own_typeface(letter)
        self._box = self._own.glyph(UNKNOWN)
        self._planes: dict[Typeface, list[int]] = {}
        self._codes: list[dict[tuple[int, str], int]] = []
        self._taken: list[set[int]] = []
        for plane, used in enumerate(state.typefaces):
            self._planes.setdefault(find_typeface(letter, used), []).append(plane)
            self._codes.append({pair: code for code, pair in enumerate(zip(used.glyphs, used.texts, strict=True))})
            self._taken.append(set(used.glyphs))

    def typefaces(self) -> Iterator[Typeface]:
        """In the order in which they are tried."""
        yield self._own
        yield from installed_typefaces(self._letter)

    def code_of(self, char: str) -> str:
        """For a character that takes one glyph: a box where there is none, nothing for what is invisible by nature."""
        return "" if _is_invisible(char) else self.code(*self._glyph(char), char)

    def width_of(self, char: str) -> int:
        """In thousandths of an em."""
        if _is_invisible(char):
            return 0
        typeface, glyph = self._glyph(char)
        return typeface.advance(glyph)

    def _glyph(self, char: str) -> tuple[Typeface, int]:
        for typeface in self.typefaces():
            glyph = typeface.glyph(char)
            if glyph:
                return typeface, glyph
        return self._own, self._box

    def code(self, typeface: Typeface, glyph: int, text: str) -> str:
        """The code of a glyph that stands for a text; the box's where there are no more."""
        plane = self._plane(typeface, glyph, text)
        if plane is None:
            return chr(0)
        code = self._codes[plane].get((glyph, text))
        return chr(plane << 16 | (self._added(plane, glyph, text) if code is None else code))

    def _plane(self, typeface: Typeface, glyph: int, text: str) -> int | None:
        """Where the pair has a code or can be given one.

        The codes of a CFF font number its glyphs, so a glyph that stands for something else already takes one more
        font of the same typeface.
        """
        for plane in self._planes.get(typeface, ()):
            codes = self._codes[plane]
            is_free = len(codes) < MAX_CODES and not (typeface.is_cff and glyph in self._taken[plane])
            if (glyph, text) in codes or is_free:
                return plane
        if not self._codes and typeface is not self._own:
            self._begin(self._own)
        return self._begin(typeface) if len(self._codes) < MAX_FONTS else None

    def _begin(self, typeface: Typeface) -> int:
        """The next plane. Its first code is the box, or in a CFF font the glyph for what is not there."""
        plane = len(self._codes)
        self._planes.setdefault(typeface, []).append(plane)
        self._codes.append({})
        self._taken.append(set())
        path = typeface.path
        self._state.typefaces.append(UsedTypeface(path.name, typeface.index, path.stat().st_size))
        self._added(plane, self._box if typeface is self._own else 0, UNKNOWN)
        return plane

    def _added(self, plane: int, glyph: int, text: str) -> int:
        code = self._codes[plane][glyph, text] = len(self._codes[plane])
        self._taken[plane].add(glyph)
        used = self._state.typefaces[plane]
        used.glyphs.append(glyph)
        used.texts.append(text)
        return code


def _is_invisible(char: str) -> bool:
    """Joiners, marks of byte order, tags; but the soft hyphen shows, as it does in Windows-1252."""
    return char != "\xad" and unicodedata.bidirectional(char) == "BN" and unicodedata.category(char) == "Cf"


def find_typeface(letter: str, used: UsedTypeface) -> Typeface:
    """The typeface that a state names, on this machine. Raises SettingsInvalid where it is not here."""
    own = own_typeface(letter)
    for typeface in (own,) if used.file == own.path.name else installed_typefaces(letter):
        known = (typeface.path.name, typeface.index, typeface.path.stat().st_size)
        if known == (used.file, used.index, used.file_bytes):
            return typeface
    message = f"a report was begun with the font {used.file}: install it, or name its folder in {FOLDERS_VARIABLE}"
    raise SettingsInvalid(message)
