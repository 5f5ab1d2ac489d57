"""The strings of two-byte codes that content streams show (§7.3.4.2, §9.4.3)."""

from __future__ import annotations

import re
from codecs import utf_32_be_encode
from typing import NamedTuple

from resma.writers.pdf.glyph_codes import MAX_FONTS
from resma.writers.pdf.shaping import Glyph

_RUNS = re.compile("|".join(f"[{chr(plane << 16)}-{chr((plane << 16) + 0xFFFF)}]+" for plane in range(MAX_FONTS)))

_ESCAPES = ((b"\\", b"\\\\"), (b"(", b"\\("), (b")", b"\\)"), (b"\r", b"\\r"), (b"\n", b"\\n"))


class Piece(NamedTuple):
    """What one font shows at one height."""

    plane: int
    up: int
    """In thousandths of an em."""
    shown: bytes
    """The inside of an array for TJ."""


def plane_of(codes: str) -> int:
    """The place of the font that has these codes."""
    return ord(codes[0]) >> 16


def runs_of(codes: str) -> list[str]:
    """The codes in runs of one font."""
    return _RUNS.findall(codes)


def two_bytes(codes: str) -> bytes:
    """The inside of a literal string: the lower two bytes of each code."""
    data, length = utf_32_be_encode(codes)
    lower = bytearray(2 * length)
    lower[::2], lower[1::2] = data[2::4], data[3::4]
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
