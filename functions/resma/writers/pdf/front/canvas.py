"""The paper that the cover is drawn on: a reportlab canvas, and the few things that are put on it."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

from reportlab.graphics import renderPDF
from reportlab.graphics.shapes import Drawing, Group, String
from reportlab.lib.colors import Color
from reportlab.pdfgen.canvas import Canvas

from resma.writers.pdf.front.style import ACCENT, BOLD, REGULAR, RULE, STRIPE, drawable, has_glyphs, shortened, width_of
from resma.writers.pdf.layout import Layout
from resma.writers.pdf.text.pen import Line, Pen

LEFT = 40.0
LINE = 15.5
INSET = 5.0


@dataclass(frozen=True, slots=True)
class TextStyle:
    """How a line of text is set; the size in points."""

    size: float
    color: Color
    font: str = REGULAR


class CoverCanvas:
    """Pages drawn on one after the other. Points, from the lower left corner."""

    def __init__(self, layout: Layout, pen: Pen) -> None:
        self._pen = pen
        self.overlays: list[list[bytes]] = [[]]
        """What each page shows besides, as content of table pages: texts that reportlab's fonts cannot show."""
        self._buffer = BytesIO()
        self._canvas = Canvas(
            self._buffer,
            pagesize=(layout.width, layout.height),
            pageCompression=1,
            invariant=1,  # no clock and no chance in it: the same cover is the same bytes
            initialFontName=REGULAR,
        )

    def saved(self) -> bytes:
        """The pages as a PDF of their own."""
        self._canvas.save()
        return self._buffer.getvalue()

    def turn(self) -> None:
        """Ends the page."""
        self._canvas.showPage()
        self.overlays.append([])

    def draw(self, drawing: Drawing, x: float, y: float) -> None:
        self._overlay_strings(drawing, x, y)
        renderPDF.draw(drawing, self._canvas, x, y)

    def _overlay_strings(self, group: Group, x: float, y: float) -> None:
        """Takes the texts that reportlab's fonts cannot show out of a drawing, and shows them in the report's."""
        for shape in list(group.contents):
            if isinstance(shape, Group):
                self._overlay_strings(shape, x + shape.transform[4], y + shape.transform[5])
            elif isinstance(shape, String) and not has_glyphs(shape.text):
                group.contents.remove(shape)
                width = width_of(shape.text, shape.fontSize, shape.fontName)
                left = x + shape.x - width * {"start": 0, "middle": 0.5, "end": 1}[shape.textAnchor]
                look = TextStyle(shape.fontSize, shape.fillColor, shape.fontName)
                self._overlay(look, left, y + shape.y, shape.text, right=False, room=0)

    def text(  # noqa: PLR0913  # what, how and where: a drawing call
        self, look: TextStyle, x: float, y: float, text: str, *, right: bool = False, most: float = 0, room: float = 0
    ) -> None:
        """One line; x is its right end where `right`.

        A line wider than `most` points is made smaller, one wider than `room` is cut, with an ellipsis.
        """
        if not has_glyphs(text):
            self._overlay(look, x, y, text, right=right, room=most or room)
            return
        line = shortened(text, room, look.size, look.font) if room else drawable(text)
        size = look.size
        width = width_of(line, size, look.font)
        if most and width > most:
            size *= most / width
            width = most
        self._canvas.setFillColor(look.color)
        self._canvas.setFont(look.font, size)
        self._canvas.drawString(x - width if right else x, y, line)

    def _overlay(  # noqa: PLR0913  # as above
        self, look: TextStyle, x: float, y: float, text: str, *, right: bool, room: float
    ) -> None:
        face = "B" if look.font == BOLD else "R"
        shown = self._pen.show(Line(text, face, look.size, x, y, room, "right" if right else "left"))
        color = look.color
        self.overlays[-1].append(b"%.3f %.3f %.3f rg %b" % (color.red, color.green, color.blue, shown))

    def rule(self, left: float, y: float, width: float) -> None:
        self._canvas.setStrokeColor(RULE)
        self._canvas.setLineWidth(0.4)
        self._canvas.line(left, y, left + width, y)

    def bar(self, left: float, bottom: float, width: float, height: float, color: Color) -> None:
        self._canvas.setFillColor(color)
        self._canvas.rect(left, bottom, width, height, stroke=0, fill=1)

    def block_title(self, title: str, left: float, y: float, width: float) -> None:
        """A title on a light ground; y is its baseline."""
        self.bar(left, y - 4.6, width, 15.6, STRIPE)
        self.text(TextStyle(8.5, ACCENT, BOLD), left + INSET, y, title)
