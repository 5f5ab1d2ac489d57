"""Text in Windows-1252, with one byte per character: nearly all text, and the only text that is processed fast.

Cells are UTF-8. Many cells are processed at a time: they are concatenated with zero bytes between them, which Postgres
text cannot contain, and pages of cells with bytes of the value 1 between them.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate

from resma.writers.pdf.fonts.own_faces import CODE_POINTS, FACES, NARROW_SPACE

UNIT = 4
"""Thousandths of an em per unit of width. With 4, widths up to 1.02 em fit a byte."""

MARK = b"\x1a"
"""Replaces characters beyond Windows-1252, and control characters, in a cell."""

ELLIPSIS = b"\x85"
DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_ESCAPED = b"\\()"
_BEYOND_ASCII = bytes(range(128, 256))
_PRINTABLE = bytes(range(32, 127))
_FEW_WIDE = 8
_UNITS_PER_WIDE_CHARACTER = 400
"""A cell need not be measured if it has at most one character wider than an `o` for each so many units of the column's
width, and at most `_FEW_WIDE`."""

_CONTINUATION = bytes(range(0x80, 0xC0))
"""Continuation bytes of UTF-8."""

_BREAKS = "\n\r\x0b\x0c\x85\u2028\u2029"
_CONTROLS = re.compile("[\x02-\x1f\x7f-\x9f]")
_NOT_PLAIN = re.compile(rb"\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9]")
"""C1 controls, and the line and paragraph separators of Unicode, in UTF-8."""


def visible(text: str) -> str:
    """Replaces line breaks with pilcrows and tabs with spaces, which would otherwise be invisible or break the row."""
    text = text.replace("\r\n", "\n").replace("\t", " ")
    for char in _BREAKS:
        text = text.replace(char, "¶")
    return text


def _encode_run(error: UnicodeError) -> tuple[bytes, int]:
    """Encodes a run of characters that Latin-1 lacks: in Windows-1252 if possible, otherwise as one `MARK`."""
    assert isinstance(error, UnicodeEncodeError)
    try:
        return error.object[error.start : error.end].encode("cp1252"), error.end
    except UnicodeEncodeError:
        return MARK, error.end


codecs.register_error("resma.cp1252", _encode_run)


def encode(blob: bytes, special: bytes) -> bytes:
    """Converts UTF-8 to Windows-1252. Other characters become `MARK`. `special` is `FaceMetrics.special` of the blob.

    It uses the codec of Latin-1, which has the same codes and is 200 times as fast. The few characters in which the
    encodings differ are encoded by an error handler, which takes a microsecond for each run.
    """
    if special.isascii() and not special.translate(None, _ESCAPED):
        return blob
    text = blob.decode("utf-8")
    if special.translate(None, _ESCAPED + _BEYOND_ASCII) or _NOT_PLAIN.search(special):
        text = _CONTROLS.sub("\uffff", visible(text))
    return text.encode("latin-1", "resma.cp1252")


def single(text: str) -> bytes | None:
    """Returns a string in Windows-1252, or None if it has other characters."""
    utf_8 = text.encode("utf-8", "replace")
    data = encode(utf_8, utf_8.translate(None, _PRINTABLE))
    return None if MARK in data or b"\1" in data else data


def single_group(group: str) -> bytes:
    """Returns a locale's separator of thousands as one byte; nothing if it has none."""
    return bytes([NARROW_SPACE]) if group == chr(CODE_POINTS[NARROW_SPACE]) else group.encode("cp1252")


def find_cells(blob: bytes, mark: bytes) -> Iterator[int]:
    """Yields the indexes of the cells in `blob` that contain the mark, without checking the other cells."""
    cell, seen, at = 0, 0, blob.find(mark)
    while at >= 0:
        cell += blob.count(b"\0", seen, at)
        yield cell
        seen = blob.find(b"\0", at)
        at = blob.find(mark, seen) if seen >= 0 else -1


class FaceMetrics:
    """Widths of the characters of one face, and fast checks for wide and special characters."""

    def __init__(self, letter: str) -> None:
        face = FACES[letter]()
        self.units = bytes(min(255, -(-face.width_of(point) // UNIT)) for point in CODE_POINTS)
        self._widths = [face.width_of(point) for point in CODE_POINTS]
        self._common = self.units[ord("o")]
        """Width of an `o`. Most letters and all digits are at most this wide."""
        self.widest = max(self.units[code] for code in range(32, 256))
        plain = [code for code in range(32, 127) if code not in _ESCAPED]
        self._narrow = bytes(code for code in plain if self.units[code] <= self._common)
        self._wider = bytes(code for code in plain if self.units[code] > self._common) + b"\0\1"
        # `suspects` counts a character of UTF-8 once, by its first byte.
        self._count = bytes(code > 1 for code in range(256))
        self._utf_8 = self.units[:128] + bytes(64) + bytes([self.widest]) * 64

    def look(self, blob: bytes) -> bytes:
        """Removes plain characters that are at most as wide as an `o`. Returns separators, wide and special bytes."""
        return blob.translate(None, self._narrow)

    def special(self, look: bytes) -> bytes:
        """Returns the bytes of the result of `look` that cannot be shown unchanged."""
        return look.translate(None, self._wider)

    def suspects(self, cells: Sequence[bytes], look: bytes, limit: int) -> set[int]:
        """Returns the indexes of cells that may be wider than `limit` units.

        `cells` are UTF-8, and `look` is the result for all of them. Most characters are at most as wide as an `o`. A
        cell with few wider ones fits if it is short enough. Cells that are longer, or have more wide characters, must
        be measured, which takes ten times as long.
        """
        max_wide = min(_FEW_WIDE, limit // _UNITS_PER_WIDE_CHARACTER)
        fitting = (limit - max_wide * (self.widest - self._common)) // self._common
        long = {at for at, size in enumerate(map(len, cells)) if size > fitting}
        return {*long, *find_cells(look.translate(self._count, _CONTINUATION + b"\1"), b"\1" * (max_wide + 1))}

    def measure(self, cell: bytes) -> int:
        """Returns the width in units. The width of each character is rounded up."""
        return sum(cell.translate(self.units))

    def measure_utf_8(self, cell: bytes) -> int:
        """Returns an upper bound of the width in units of a UTF-8 cell, if all characters are in Windows-1252."""
        return sum(cell.translate(self._utf_8))

    def width(self, cell: bytes) -> int:
        """Returns the width in thousandths of an em."""
        return sum([self._widths[code] for code in cell])

    def cut(self, cell: bytes, limit: int) -> bytes:
        """Returns the cell, cut and ended by an ellipsis if it is wider than `limit` units."""
        if len(cell) <= limit and self.measure(cell) <= limit:
            return cell
        max_bytes = limit // 12 + 2  # no character is narrower than a twentieth of an em (12 units)
        ends = list(accumulate(cell[:max_bytes].translate(self.units)))
        return cell[: bisect_right(ends, limit - self.units[ELLIPSIS[0]])].rstrip() + ELLIPSIS


@cache
def metrics(letter: str) -> FaceMetrics:
    """Returns the metrics of a face, by its letter; cached."""
    return FaceMetrics(letter)
