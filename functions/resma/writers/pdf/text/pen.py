"""Lines of text outside of cells: headings, titles, footers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from resma.writers.pdf.syntax.objects import escaped, number
from resma.writers.pdf.text.cp1252 import DIGITS_ALIKE, UNIT, metrics, single, visible
from resma.writers.pdf.text.unicode import WideText

_MAX_WIDTHS = 500
_MAX_LINES = 500
"""Maximum number of lines in the cache of all files, each of which takes about half a kilobyte."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text; positions and sizes are in points.

    `face` is a letter of `FACES`. `x` is the right end of the line if `align` is `right`.
    """

    text: str
    face: str
    size: float
    x: float
    y: float
    max_width: float = 0
    """Maximum width; 0 means unlimited."""
    align: str = "left"


class Pen:
    """Shows lines of text with any characters."""

    def __init__(self, wide: dict[str, WideText]) -> None:
        self._wide = wide
        self._widths: dict[tuple[str, bytes], int] = {}

    def width(self, face: str, text: str) -> float:
        """Returns the width in thousandths of an em. It is cached by shape, because all digits have the same width."""
        data = single(text)
        if data is None:
            return self._wide[face].measure(text)
        shape = (face, data.translate(DIGITS_ALIKE))
        if shape not in self._widths:
            if len(self._widths) >= _MAX_WIDTHS:
                self._widths.clear()
            self._widths[shape] = metrics(face).width(data)
        return self._widths[shape]

    def show(self, line: Line) -> bytes:
        """Returns a text object (§9.4). Text that is wider than `max_width` is cut and ended by an ellipsis."""
        data = single(line.text)
        return self._show_wide(line) if data is None else _show_single(line, data)

    def show_cached(self, line: Line) -> bytes:
        """Like `show`, for lines of the catalog and the locale, which other files show too; not for a report's data."""
        return _cached_line(line) or self.show(line)

    def _show_wide(self, line: Line) -> bytes:
        text, wide = visible(line.text), self._wide[line.face]
        if line.max_width:
            text = wide.cut(text, line.max_width / line.size * 1000)
        x = line.x - (self.width(line.face, text) * line.size / 1000 if line.align == "right" else 0)
        return b"BT %b %b Td %b ET\n" % (number(x), number(line.y), wide.show(text, line.size))


@lru_cache(_MAX_LINES)
def _cached_line(line: Line) -> bytes | None:
    """Returns the operators from BT to ET; None if the line needs other fonts, whose codes differ in every file."""
    data = single(line.text)
    return None if data is None else _show_single(line, data)


def _show_single(line: Line, data: bytes) -> bytes:
    face = metrics(line.face)
    if line.max_width:
        data = face.cut(data, int(line.max_width / line.size * 1000 / UNIT))
    x = line.x - (face.width(data) * line.size / 1000 if line.align == "right" else 0)
    font = b"/%b1 %b Tf" % (line.face.encode(), number(line.size))
    return b"BT %b %b %b Td(%b)Tj ET\n" % (font, number(x), number(line.y), escaped(data))
