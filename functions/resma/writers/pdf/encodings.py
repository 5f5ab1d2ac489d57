"""The two encodings of text.

Text that is wholly in Windows-1252 is printed with one byte a character. Anything else is printed with two bytes
that are the code point itself, so that even a character without a glyph, which shows as a box, can be searched
for and copied. Both are made by C code alone; a page of cells takes 0.01 ms.
"""

from __future__ import annotations

import re
from codecs import utf_16_be_encode
from collections.abc import Sequence

_CONTROL = 0x1A
"""What control characters become, which Windows-1252 cannot show: its presence sends the text to two bytes."""

SHOWN_AS = {
    "\n": "¶",
    "\r": "¶",
    "\t": " ",
    "\x0b": "¶",
    "\x0c": "¶",
    "\x85": "¶",
    "\u2028": "¶",
    "\u2029": "¶",
}
"""Line breaks show as a pilcrow: they would be invisible otherwise, or break the row."""


def _byte_table(encoding: str, *, one_is_separator: bool) -> bytes:
    """For `bytes.translate`: control characters to what is shown. Zero stays, it separates cells."""
    table = bytearray(range(256))
    for code in range(1, 256):
        char = bytes([code]).decode(encoding, "replace")
        if char in SHOWN_AS:
            table[code] = SHOWN_AS[char].encode("cp1252")[0]
        elif not 0x20 <= ord(char) < 0x7F and not (ord(char) >= 0xA0 and char != "\ufffd"):
            table[code] = _CONTROL
    if one_is_separator:
        table[1] = 1
    return bytes(table)


_TABLES = {
    (encoding, separator): _byte_table(encoding, one_is_separator=separator)
    for encoding in ("latin-1", "cp1252")
    for separator in (False, True)
}


def single_byte(text: str, *, one_is_separator: bool = False) -> bytes | None:
    """Windows-1252 with line breaks made visible, or None where the text holds anything else.

    Zero, and one on demand, pass through as separators of cells and pages.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    encoding = "latin-1"  # the same codes, and 200 times as fast where it will do
    try:
        data = text.encode(encoding)
    except UnicodeEncodeError:
        encoding = "cp1252"
        try:
            data = text.encode(encoding)
        except UnicodeEncodeError:
            return None
    data = data.translate(_TABLES[encoding, one_is_separator])
    return None if _CONTROL in data else data


_BETWEEN = "A\0\0A"
"""Stands between cells. Postgres text holds no zero, and with an A on either side the eight bytes cannot be found
at an odd offset either: two zeros that follow on a unit 4100 never occur."""

_BETWEEN_BYTES = _BETWEEN.encode("utf-16-be")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_SURROGATE_ROWS = bytes(range(0xD8, 0xE0))
ASTRAL_CODES = range(0xD800, 0xE000)
"""Codes for characters beyond U+FFFF, in order of first use: surrogates are no characters, so these are free."""


class TwoByte:
    """Text as two-byte codes, and what must be known of it to embed a font: which 256 code points each are used.

    Rows of 256 rather than characters, because finding them costs a thousandth of finding characters.
    """

    def __init__(self, rows: list[int], astral: list[int]) -> None:
        """Both are kept up to date: high bytes of the code points in use, and characters beyond U+FFFF."""
        self._rows = rows
        self._astral = astral
        self._known = _SURROGATE_ROWS + bytes(rows)

    def encode(self, cells: Sequence[str], between: bytes = b"") -> bytes:
        """The inside of literal strings (§7.3.4.2): cells, with `between` between them."""
        text = _BETWEEN.join(cells).replace("\r\n", "\n")
        for char, mark in SHOWN_AS.items():
            if char in text:
                text = text.replace(char, mark)
        data, _ = utf_16_be_encode(text)
        if len(data) != 2 * len(text):
            data, _ = utf_16_be_encode(_ASTRAL.sub(self._astral_code, text), "surrogatepass")
        new = data[::2].translate(None, self._known)
        if new:
            self._rows += sorted(set(new))
            self._known = _SURROGATE_ROWS + bytes(self._rows)
        for byte, escape in _ESCAPES:
            data = data.replace(byte, escape)
        return data.replace(_BETWEEN_BYTES, between)

    def _astral_code(self, found: re.Match[str]) -> str:
        point = ord(found[0])
        if point not in self._astral:
            if len(self._astral) >= len(ASTRAL_CODES):
                return "\ufffd"
            self._astral.append(point)
        return chr(ASTRAL_CODES[self._astral.index(point)])


_ESCAPES = ((b"\\", b"\\\\"), (b"(", b"\\("), (b")", b"\\)"), (b"\r", b"\\r"), (b"\n", b"\\n"))
