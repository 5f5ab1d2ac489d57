"""Codes of wide text: a two-byte code for each pair of a glyph and its text, numbered in order of first use.

Therefore text can be searched and copied even if one glyph represents several characters, or if no typeface has a
character. Code 0 of each font is the glyph .notdef, which PDF/A forbids to show (ISO 19005-2, 6.2.11.8): it is never
assigned.
"""

from __future__ import annotations

import unicodedata
from array import array
from dataclasses import dataclass, field

from resma.errors import SettingsInvalidError
from resma.writers.pdf.fonts.font_index import FOLDERS_VARIABLE, installed_fonts
from resma.writers.pdf.fonts.typefaces import SIMPLIFIED_CHINESE, Typeface, own_typeface
from resma.writers.saved_state import Numbers

MAX_FONTS = 65
"""Maximum number of fonts per file and face. A code and its font are represented as one character: those of the first
font are below MAX_CODES, and each further font has as many from U+10000 on, up to the last character of Unicode."""

MAX_CODES = 0x4000
"""Maximum number of codes per font."""

UNKNOWN = "\ufffd"

_NOT_DEFINED = 0
"""The number of the glyph .notdef in every font."""


@dataclass(slots=True)
class UsedTypeface:
    """A font in the file: its typeface, which the other fields identify, and its glyphs and their text by code."""

    file: str
    index: int
    file_bytes: int
    glyphs: Numbers = field(default_factory=lambda: array("H"))
    texts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class WideState:
    """State of wide text of one face: at most 65 fonts with 16,384 codes, each of which takes 100 bytes."""

    typefaces: list[UsedTypeface] = field(default_factory=list)
    """Fonts in order of first use; the report's own typeface is always first."""


def coded(plane: int, code: int) -> str:
    """Returns the character that represents a code of the font with the index `plane`."""
    return chr(code + (0xC000 + plane * 0x4000 if plane else 0))


def plane_of(codes: str) -> int:
    """Returns the index of the font to which the first of these codes belongs."""
    return max(0, (ord(codes[0]) - 0xC000) // 0x4000)


class GlyphCodes:
    """Assigns codes. Each code is one character, which represents the index of a font (`plane`) and two bytes."""

    def __init__(self, letter: str, state: WideState, variant: int = SIMPLIFIED_CHINESE) -> None:
        self._letter = letter
        self._variant = variant
        self._state = state
        self._own = own_typeface(letter)
        self._box = self._own.glyph(UNKNOWN)
        self._planes: dict[Typeface, list[int]] = {}
        self._codes: list[dict[tuple[int, str], int]] = []
        self._taken: list[set[int]] = []
        self.missing: dict[str, None] = {}
        """Characters that were shown as a replacement character because no font has them, in order of first use."""
        for plane, used in enumerate(state.typefaces):
            typeface = find_typeface(letter, used)
            self._planes.setdefault(typeface, []).append(plane)
            self._codes.append({pair: code for code, pair in enumerate(zip(used.glyphs, used.texts, strict=True))})
            self._taken.append(set(used.glyphs))
            for glyph, text in zip(used.glyphs, used.texts, strict=True):
                self._record_missing(typeface, glyph, text)

    def typeface_for(self, text: str) -> Typeface | None:
        """Returns the first typeface that has a glyph for every character of the text, or None."""
        return self._own if self._own.has_all(text) else installed_fonts(self._letter, self._variant).find(text)

    def code_of(self, char: str) -> str:
        """Returns the code of a character with one glyph.

        It is the replacement character's if no font has the character, and empty if the character is invisible.
        """
        return "" if _is_invisible(char) else self.code(*self._glyph(char), char)

    def width_of(self, char: str) -> int:
        """Returns the width of a character in thousandths of an em."""
        if _is_invisible(char):
            return 0
        typeface, glyph = self._glyph(char)
        return typeface.advance(glyph)

    def _glyph(self, char: str) -> tuple[Typeface, int]:
        typeface = self.typeface_for(char)
        return (typeface, typeface.glyph(char)) if typeface else (self._own, self._box)

    def code(self, typeface: Typeface, glyph: int, text: str) -> str:
        """Returns the code of a glyph with its text; the replacement character's if no code is left."""
        if glyph == _NOT_DEFINED:
            typeface, glyph = self._own, self._box
        plane = self._plane(typeface, glyph, text)
        if plane is None:
            return coded(0, self._codes[0][self._box, UNKNOWN])
        code = self._codes[plane].get((glyph, text))
        return coded(plane, self._add(plane, typeface, glyph, text) if code is None else code)

    def _plane(self, typeface: Typeface, glyph: int, text: str) -> int | None:
        """Returns the index of the font in which the pair has a code or can get one; None if all fonts are full.

        A CFF font can have only one code for each glyph. If the glyph already represents another text, one more font of
        the same typeface is needed.
        """
        for plane in self._planes.get(typeface, ()):
            codes = self._codes[plane]
            is_free = len(codes) < MAX_CODES and not (typeface.is_cff and glyph in self._taken[plane])
            if (glyph, text) in codes or is_free:
                return plane
        if not self._codes and typeface is not self._own:
            self._start_font(self._own)
        return self._start_font(typeface) if len(self._codes) < MAX_FONTS else None

    def _start_font(self, typeface: Typeface) -> int:
        """Adds a font and returns its index. In the first font, the replacement character has a code from the start."""
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
        self._record_missing(typeface, glyph, text)
        return code

    def _record_missing(self, typeface: Typeface, glyph: int, text: str) -> None:
        if glyph == self._box and typeface is self._own and text != UNKNOWN:
            self.missing[text] = None


def _is_invisible(char: str) -> bool:
    """Returns whether a character is invisible: joiners, variation selectors, byte order marks, tags, soft hyphens.

    A soft hyphen is visible only at the end of a line, where it is replaced by a hyphen.
    """
    if unicodedata.category(char) == "Mn":
        return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"
    return unicodedata.bidirectional(char) == "BN" and unicodedata.category(char) == "Cf"


def find_typeface(letter: str, used: UsedTypeface) -> Typeface:
    """Returns the typeface that a state refers to. Raises SettingsInvalidError if it is not installed here."""
    own = own_typeface(letter)
    variant = used.index if used.file.startswith("NotoSansCJK-") else SIMPLIFIED_CHINESE
    for typeface in (own,) if used.file == own.path.name else installed_fonts(letter, variant).find_file(used.file):
        identity = (typeface.path.name, typeface.index, typeface.path.stat().st_size)
        if identity == (used.file, used.index, used.file_bytes):
            return typeface
    message = (
        f"This report was started with the font '{used.file}', which is not installed here. Install the same fonts on "
        f"every worker, or add its folder to `{FOLDERS_VARIABLE}`."
    )
    raise SettingsInvalidError(message)
