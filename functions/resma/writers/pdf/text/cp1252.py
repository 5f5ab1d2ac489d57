"""Text that Windows-1252 holds, a byte a character: nearly all there is, and the only text that is fast.

Cells come as UTF-8. They are looked at many at a time, joined by zero bytes, which Postgres text cannot hold,
and pages of them by ones.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate

from resma.writers.pdf.fonts.own_faces import FACES

UNIT = 4
"""Thousandths of an em in a unit of width: with 4, widths up to 1.02 em fit in a byte."""

MARK = b"\x1a"
"""Stands in a cell for characters beyond Windows-1252. A control character, so it cannot be in the text itself."""

ELLIPSIS = b"\x85"
DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_ESCAPED = b"\\()"
_BEYOND_ASCII = bytes(range(128, 256))
_PRINTABLE = bytes(range(32, 127))
_FEW_WIDE = 8
_UNITS_PER_WIDE_CHARACTER = 400
"""Of characters wider than an o: names have few, and the fewer the narrower the column."""

_CONTINUATION = bytes(range(0x80, 0xC0))
"""Bytes of UTF-8 after the first of a character."""

_BREAKS = "\n\r\x0b\x0c\x85\u2028\u2029"
_CONTROLS = re.compile("[\x02-\x1f\x7f-\x9f]")
_NOT_PLAIN = re.compile(rb"\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9]")
"""C1 controls, and the two separators of Unicode, in UTF-8."""


def visible(text: str) -> str:
    """Line breaks show as a pilcrow, tabs as a space: they would be invisible otherwise, or break the row."""
    text = text.replace("\r\n", "\n").replace("\t", " ")
    for char in _BREAKS:
        text = text.replace(char, "¶")
    return text


def _encode_run(error: UnicodeError) -> tuple[bytes, int]:
    """What Latin-1 lacks: of Windows-1252 its byte, else the mark, one for a run of such characters."""
    assert isinstance(error, UnicodeEncodeError)
    try:
        return error.object[error.start : error.end].encode("cp1252"), error.end
    except UnicodeEncodeError:
        return MARK, error.end


codecs.register_error("resma.cp1252", _encode_run)


def encode(blob: bytes, odd: bytes) -> bytes:
    """UTF-8 to Windows-1252; a cell that holds anything else has MARK in it. `odd` is `FaceMetrics.odd` of the blob.

    Latin-1 first, which has the same codes and a codec 200 times as fast; the few characters between the two go
    through an error handler, a microsecond a run.
    """
    if odd.isascii() and not odd.translate(None, _ESCAPED):
        return blob
    text = blob.decode("utf-8")
    if odd.translate(None, _ESCAPED + _BEYOND_ASCII) or _NOT_PLAIN.search(odd):
        text = _CONTROLS.sub("\uffff", visible(text))
    return text.encode("latin-1", "resma.cp1252")


def single(text: str) -> bytes | None:
    """One text in Windows-1252, or None."""
    utf_8 = text.encode("utf-8", "replace")
    data = encode(utf_8, utf_8.translate(None, _PRINTABLE))
    return None if MARK in data or b"\1" in data else data


def find_cells(blob: bytes, mark: bytes) -> Iterator[int]:
    """Which of the cells in `blob` hold the mark: the few of them are found without a look at the others."""
    cell, seen, at = 0, 0, blob.find(mark)
    while at >= 0:
        cell += blob.count(b"\0", seen, at)
        yield cell
        seen = blob.find(b"\0", at)
        at = blob.find(mark, seen) if seen >= 0 else -1


class FaceMetrics:
    """Widths of one face's bytes, and the sorts of bytes that a quick look tells apart."""

    def __init__(self, letter: str) -> None:
        face = FACES[letter]()
        points = [ord(bytes([code]).decode("cp1252", "replace")) for code in range(256)]
        self.units = bytes(min(255, -(-face.width_of(point) // UNIT)) for point in points)
        self._widths = [face.width_of(point) for point in points]
        self._common = self.units[ord("o")]
        """Most letters of a text are no wider than this, and no digit is."""
        self.widest = max(self.units[code] for code in range(32, 256))
        plain = [code for code in range(32, 127) if code not in _ESCAPED]
        self._narrow = bytes(code for code in plain if self.units[code] <= self._common)
        self._wider = bytes(code for code in plain if self.units[code] > self._common) + b"\0\1"
        # For `suspects`: a character of UTF-8 counts once, by its first byte.
        self._count = bytes(code > 1 for code in range(256))
        self._utf_8 = self.units[:128] + bytes(64) + bytes([self.widest]) * 64

    def look(self, blob: bytes) -> bytes:
        """The blob without what is no wider than an o: separators, wide and odd bytes."""
        return blob.translate(None, self._narrow)

    def odd(self, look: bytes) -> bytes:
        """What is left of that after all that can be printed as it is."""
        return look.translate(None, self._wider)

    def suspects(self, cells: Sequence[bytes], look: bytes, limit: int) -> set[int]:
        """Which of the cells may be wider than `limit` units; they are UTF-8, and `look` is of all of them.

        Most characters are no wider than an o. A cell with few wider ones fits if it is short enough; what is
        longer, or has more of them, is worth measuring, which takes ten times as long.
        """
        most = min(_FEW_WIDE, limit // _UNITS_PER_WIDE_CHARACTER)
        fitting = (limit - most * (self.widest - self._common)) // self._common
        long = {at for at, size in enumerate(map(len, cells)) if size > fitting}
        return {*long, *find_cells(look.translate(self._count, _CONTINUATION + b"\1"), b"\1" * (most + 1))}

    def measure(self, cell: bytes) -> int:
        """Width in units, each byte rounded up."""
        return sum(cell.translate(self.units))

    def measure_utf_8(self, cell: bytes) -> int:
        """A width that the cell, in UTF-8 and of any characters, does not exceed if Windows-1252 has them."""
        return sum(cell.translate(self._utf_8))

    def width(self, cell: bytes) -> int:
        """Width in thousandths of an em."""
        return sum([self._widths[code] for code in cell])

    def cut(self, cell: bytes, limit: int) -> bytes:
        """The cell, or as much of it as fits `limit` units with an ellipsis after it."""
        if len(cell) <= limit and self.measure(cell) <= limit:
            return cell
        most = limit // 12 + 2  # bytes, at a twentieth of an em: what lies beyond cannot show
        ends = list(accumulate(cell[:most].translate(self.units)))
        return cell[: bisect_right(ends, limit - self.units[ELLIPSIS[0]])].rstrip() + ELLIPSIS


@cache
def metrics(letter: str) -> FaceMetrics:
    """The metrics of a face's letter, read once."""
    return FaceMetrics(letter)
