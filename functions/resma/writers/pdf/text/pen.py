"""Lines of text outside of cells: headings, titles, footers."""

from __future__ import annotations

from dataclasses import dataclass

from resma.writers.pdf.syntax.objects import escaped, number
from resma.writers.pdf.text.cp1252 import DIGITS_ALIKE, UNIT, metrics, single, visible
from resma.writers.pdf.text.unicode import WideText

_MAX_WIDTHS = 500


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
        text = visible(line.text)
        wide, data = self._wide[line.face], single(text)
        if line.max_width:
            limit = line.max_width / line.size * 1000
            if data is None:
                text = wide.cut(text, limit)
            else:
                data = metrics(line.face).cut(data, int(limit / UNIT))
                text = data.decode("cp1252")
        x = line.x - (self.width(line.face, text) * line.size / 1000 if line.align == "right" else 0)
        if data is None:
            return b"BT %b %b Td %b ET\n" % (number(x), number(line.y), wide.show(text, line.size))
        font = b"/%b1 %b Tf" % (line.face.encode(), number(line.size))
        return b"BT %b %b %b Td(%b)Tj ET\n" % (font, number(x), number(line.y), escaped(data))
