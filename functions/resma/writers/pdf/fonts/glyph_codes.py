"""Codes of wide text: two bytes for a glyph together with its text, numbered in order of first use.

So a text can be searched for and copied whatever its glyphs are, even where one glyph serves several characters or
no typeface has any. Code 0 of each font is its glyph .notdef, which PDF/A forbids to show (ISO 19005-2, 6.2.11.8): it
is never given out.
"""

from __future__ import annotations

import unicodedata
from array import array
from dataclasses import dataclass, field

from resma.errors import SettingsInvalidError
from resma.writers.pdf.fonts.font_index import FOLDERS_VARIABLE, installed_fonts
from resma.writers.pdf.fonts.typefaces import Typeface, own_typeface
from resma.writers.saved_state import Numbers

MAX_FONTS = 65
"""In one file, for one face. A code and its font make one character: the first font has those of plane 0 below
MAX_CODES, and each further font as many from plane 1 on, up to the last of Unicode."""

MAX_CODES = 0x4000
"""In one font."""

UNKNOWN = "\ufffd"

_NOT_DEFINED = 0
"""The number of the glyph .notdef in every font."""


@dataclass(slots=True)
class UsedTypeface:
    """A typeface in use, how it is known again, and the glyphs and their texts by code."""

    file: str
    index: int
    file_bytes: int
    glyphs: Numbers = field(default_factory=lambda: array("H"))
    texts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class WideState:
    """What is in use of wide text of one face: at most 65 fonts of 16,384 codes, 100 bytes each."""

    typefaces: list[UsedTypeface] = field(default_factory=list)
    """In order of first use, but the report's own before any other."""


def coded(plane: int, code: int) -> str:
    """The character that stands for a code of the font in this place."""
    return chr(code + (0xC000 + plane * 0x4000 if plane else 0))


def plane_of(codes: str) -> int:
    """The place of the font that the first of these codes belongs to."""
    return max(0, (ord(codes[0]) - 0xC000) // 0x4000)


class GlyphCodes:
    """Gives out codes, each as one character for a font (its plane, the place in the state) and two bytes."""

    def __init__(self, letter: str, state: WideState) -> None:
        self._letter = letter
        self._state = state
        self._own = own_typeface(letter)
        self._box = self._own.glyph(UNKNOWN)
        self._planes: dict[Typeface, list[int]] = {}
        self._codes: list[dict[tuple[int, str], int]] = []
        self._taken: list[set[int]] = []
        self.missing: dict[str, None] = {}
        """Characters that were shown as a box because no font has them, in the order in which they were first shown."""
        for plane, used in enumerate(state.typefaces):
            typeface = find_typeface(letter, used)
            self._planes.setdefault(typeface, []).append(plane)
            self._codes.append({pair: code for code, pair in enumerate(zip(used.glyphs, used.texts, strict=True))})
            self._taken.append(set(used.glyphs))
            for glyph, text in zip(used.glyphs, used.texts, strict=True):
                self._note_missing(typeface, glyph, text)

    def typeface_for(self, text: str) -> Typeface | None:
        """The first typeface that has a glyph for every character of the text, or None."""
        return self._own if self._own.has_all(text) else installed_fonts(self._letter).find(text)

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
        typeface = self.typeface_for(char)
        return (typeface, typeface.glyph(char)) if typeface else (self._own, self._box)

    def code(self, typeface: Typeface, glyph: int, text: str) -> str:
        """The code of a glyph that stands for a text; the box's if there are no more codes."""
        if glyph == _NOT_DEFINED:
            typeface, glyph = self._own, self._box
        plane = self._plane(typeface, glyph, text)
        if plane is None:
            return coded(0, self._codes[0][self._box, UNKNOWN])
        code = self._codes[plane].get((glyph, text))
        return coded(plane, self._add(plane, typeface, glyph, text) if code is None else code)

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
        """Returns the next plane. In the first of all, the box has a code from the start."""
        plane = len(self._codes)
        self._planes.setdefault(typeface, []).append(plane)
        self._codes.append({})
        self._taken.append(set())
        path = typeface.path
        self._state.typefaces.append(UsedTypeface(path.name, typeface.index, path.stat().st_size))
        self._add(plane, typeface, _NOT_DEFINED, UNKNOWN)
        if plane == 0:
            self._add(plane, typeface, self._box, UNKNOWN)
        return plane

    def _add(self, plane: int, typeface: Typeface, glyph: int, text: str) -> int:
        code = self._codes[plane][glyph, text] = len(self._codes[plane])
        self._taken[plane].add(glyph)
        used = self._state.typefaces[plane]
        used.glyphs.append(glyph)
        used.texts.append(text)
        self._note_missing(typeface, glyph, text)
        return code

    def _note_missing(self, typeface: Typeface, glyph: int, text: str) -> None:
        if glyph == self._box and typeface is self._own and text != UNKNOWN:
            self.missing[text] = None


def _is_invisible(char: str) -> bool:
    """Joiners, variation selectors, byte order marks, tags, and soft hyphens, which show only where a line breaks."""
    if unicodedata.category(char) == "Mn":
        return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"
    return unicodedata.bidirectional(char) == "BN" and unicodedata.category(char) == "Cf"


def find_typeface(letter: str, used: UsedTypeface) -> Typeface:
    """The typeface that a state names, on this machine. Raises SettingsInvalidError if it is not installed here."""
    own = own_typeface(letter)
    for typeface in (own,) if used.file == own.path.name else installed_fonts(letter).find_file(used.file):
        known = (typeface.path.name, typeface.index, typeface.path.stat().st_size)
        if known == (used.file, used.index, used.file_bytes):
            return typeface
    message = (
        f"This report was started with the font {used.file}, which is not installed here. Install the same fonts on "
        f"every worker, or name its folder in {FOLDERS_VARIABLE}."
    )
    raise SettingsInvalidError(message)
