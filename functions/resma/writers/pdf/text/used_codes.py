"""The codes of the one-byte fonts that a file shows, from which the subsets of the fonts are made."""

from __future__ import annotations

import re

from resma.writers.pdf.fonts.own_faces import FACES

MAX_PAGES = 20
"""Number of pages of rows up to which codes are recorded. Larger files contain all characters of the one-byte fonts,
because searching their pages would take longer than writing some more kilobytes."""

ALL_CODES = bytes(range(32, 256))

_FONT_OR_STRING = re.compile(rb"/([RB]\d+) |\(([^\\()]*(?:\\.[^\\()]*)*)\)", re.DOTALL)
"""A selection of a font (Tf, §9.3.1), or a string, whose parentheses and backslashes are escaped (§7.3.4.2)."""

_DIGITS = frozenset(b"0123456789")

_ONE_BYTE_FONTS = {b"%b1" % letter.encode(): letter for letter in FACES}


def no_codes() -> dict[str, bytes]:
    """Returns the codes of a file that shows nothing yet."""
    return dict.fromkeys(FACES, b"")


def record_codes(codes: dict[str, bytes], content: bytes) -> None:
    """Adds the codes that a content stream shows in the one-byte fonts. Each text object must select its font."""
    shown: dict[str, list[bytes]] = {letter: [] for letter in FACES}
    strings: list[bytes] = []
    for font, string in _FONT_OR_STRING.findall(content):
        if font:
            letter = _ONE_BYTE_FONTS.get(font)
            strings = shown[letter] if letter else []
        else:
            strings.append(string)
    for letter, some in shown.items():
        codes[letter] = bytes(sorted({*codes[letter], *b"".join(some)}))


def completed(codes: bytes) -> bytes:
    """Returns the codes of the subset for some codes: with all digits if there is one.

    The bold face then has the same codes in most files of a split report, so that they share a cached subset.
    """
    return codes if _DIGITS.isdisjoint(codes) else bytes(sorted(_DIGITS.union(codes)))
