"""The strings of two-byte codes that content streams show (§7.3.4.2, §9.4.3)."""

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
    """What one font shows at one height."""

    plane: int
    up: int
    """In thousandths of an em."""
    shown: bytes
    """The inside of an array for TJ."""


def runs_of(codes: str) -> list[str]:
    """The codes in runs of one font."""
    return _RUNS.findall(codes)


def two_bytes(codes: str) -> bytes:
    """The inside of a literal string: the two bytes of each code, whatever its font."""
    data, length = utf_32_be_encode(codes)
    lower = bytearray(2 * length)
    lower[::2], lower[1::2] = data[2::4].translate(_HIGH_BYTE), data[3::4]
    return escaped(bytes(lower))


def escaped(data: bytes) -> bytes:
    """Any bytes as the inside of a literal string."""
    for byte, escape in _ESCAPES:
        data = data.replace(byte, escape)
    return data


def moved(code: str, glyph: Glyph, advance: int) -> bytes:
    """For an array of TJ: a string, between what moves it and what moves the next one back.

    `advance` is what the font has the glyph move on, in thousandths of an em.
    """
    before, after = -glyph.right, glyph.right + advance - glyph.advance
    return b"%b(%b)%b" % (b" %d" % before if before else b"", two_bytes(code), b"%d" % after if after else b"")
