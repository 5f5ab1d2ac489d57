"""Strings of two-byte codes for content streams (§7.3.4.2, §9.4.3)."""

from __future__ import annotations

import re
from codecs import utf_32_be_encode
from typing import NamedTuple

from resma.writers.pdf.fonts.glyph_codes import MAX_FONTS, coded
from resma.writers.pdf.text.shaping import Glyph

_RUNS = re.compile("|".join(f"[{coded(plane, 0)}-{coded(plane, 0x3FFF)}]+" for plane in range(MAX_FONTS)))
_HIGH_BYTE = bytes(value & 0x3F for value in range(256))

_ESCAPES = ((b"\\", b"\\\\"), (b"(", b"\\("), (b")", b"\\)"), (b"\r", b"\\r"), (b"\n", b"\\n"))


class Piece(NamedTuple):
    """Glyphs of one font at one height."""

    plane: int
    """Index of the font."""
    up: int
    """Text rise in thousandths of an em."""
    shown: bytes
    """Content of an array for the operator TJ."""


def runs_of(codes: str) -> list[str]:
    """Splits codes into runs of one font each."""
    return _RUNS.findall(codes)


def two_bytes(codes: str) -> bytes:
    """Returns the content of a literal string with two bytes for each code, whatever its font."""
    data, length = utf_32_be_encode(codes)
    lower = bytearray(2 * length)
    lower[::2], lower[1::2] = data[2::4].translate(_HIGH_BYTE), data[3::4]
    return escaped(bytes(lower))


def escaped(data: bytes) -> bytes:
    """Escapes bytes for a literal string, including line ends."""
    for byte, escape in _ESCAPES:
        data = data.replace(byte, escape)
    return data


def moved(code: str, glyph: Glyph, advance: int) -> bytes:
    """Returns an element of an array for TJ: a string between the offsets that position it and the next string.

    `advance` is the advance width of the glyph in the font, in thousandths of an em.
    """
    before, after = -glyph.right, glyph.right + advance - glyph.advance
    return b"%b(%b)%b" % (b" %d" % before if before else b"", two_bytes(code), b"%d" % after if after else b"")
