"""The canvas on which the cover is drawn: a reportlab canvas with the few operations that the cover needs."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

from reportlab.graphics import renderPDF
from reportlab.graphics.shapes import Drawing, Group, String
from reportlab.lib.colors import Color
from reportlab.pdfgen.canvas import Canvas

from resma.writers.pdf.fonts.own_faces import BOLD, REGULAR
from resma.writers.pdf.front.style import RULE, STRIPE, Colors, drawable, has_glyphs, shortened, width_of
from resma.writers.pdf.layout import Layout
from resma.writers.pdf.text.pen import Line, Pen

LEFT = 40.0
LINE = 15.5
INSET = 5.0


@dataclass(frozen=True, slots=True)
class TextStyle:
    """Size in points, color and font of a line of text."""

    size: float
    color: Color
    font: str = REGULAR


class CoverCanvas:
    """Draws pages one after another. Positions are in points from the lower left corner."""

    def __init__(self, layout: Layout, pen: Pen, colors: Colors) -> None:
        self._pen = pen
        self._accent = colors.accent
        self.overlays: list[list[bytes]] = [[]]
        """Additional content of each page, in the fonts of table pages: text that reportlab's fonts cannot show."""
        self._buffer = BytesIO()
        self._canvas = Canvas(
            self._buffer,
            pagesize=(layout.width, layout.height),
            pageCompression=1,
            invariant=1,  # no time and no random ID, so that the same cover has the same bytes
            initialFontName=REGULAR,
        )

    def saved(self) -> bytes:
        """Returns the pages as a PDF of their own."""
        self._canvas.save()
        return self._buffer.getvalue()

    def end_page(self) -> None:
        """Ends the page."""
        self._canvas.showPage()
        self.overlays.append([])

    def draw(self, drawing: Drawing, x: float, y: float) -> None:
        self._overlay_strings(drawing, x, y)
        renderPDF.draw(drawing, self._canvas, x, y)

    def _overlay_strings(self, group: Group, x: float, y: float) -> None:
        """Moves strings that reportlab's fonts cannot show from a drawing to the overlay."""
        for shape in list(group.contents):
            if isinstance(shape, Group):
                self._overlay_strings(shape, x + shape.transform[4], y + shape.transform[5])
            elif isinstance(shape, String) and not has_glyphs(shape.text):
                group.contents.remove(shape)
                width = width_of(shape.text, shape.fontSize, shape.fontName)
                left = x + shape.x - width * {"start": 0, "middle": 0.5, "end": 1}[shape.textAnchor]
                style = TextStyle(shape.fontSize, shape.fillColor, shape.fontName)
                self._overlay(style, left, y + shape.y, shape.text, right=False, max_width=0)

    def text(  # noqa: PLR0913  # a drawing call with text, style and position
        self,
        style: TextStyle,
        x: float,
        y: float,
        text: str,
        *,
        right: bool = False,
        shrink_to: float = 0,
        cut_at: float = 0,
    ) -> None:
        """Draws a line of text. `x` is its right end if `right` is set.

        A line wider than `cut_at` points is cut and ended by an ellipsis; a line wider than `shrink_to` is made
        smaller.
        """
        if not has_glyphs(text):
            self._overlay(style, x, y, text, right=right, max_width=shrink_to or cut_at)
            return
        line = shortened(text, cut_at, style.size, style.font) if cut_at else drawable(text)
        size = style.size
        width = width_of(line, size, style.font)
        if shrink_to and width > shrink_to:
            size *= shrink_to / width
            width = shrink_to
        self._canvas.setFillColor(style.color)
        self._canvas.setFont(style.font, size)
        self._canvas.drawString(x - width if right else x, y, line)

    def _overlay(  # noqa: PLR0913  # a drawing call with text, style and position
        self, style: TextStyle, x: float, y: float, text: str, *, right: bool, max_width: float
    ) -> None:
        face = "B" if style.font == BOLD else "R"
        content = self._pen.show(Line(text, face, style.size, x, y, max_width, "right" if right else "left"))
        color = style.color
        self.overlays[-1].append(b"%.3f %.3f %.3f rg %b" % (color.red, color.green, color.blue, content))

    def rule(self, left: float, y: float, width: float) -> None:
        self._canvas.setStrokeColor(RULE)
        self._canvas.setLineWidth(0.4)
        self._canvas.line(left, y, left + width, y)

    def bar(self, left: float, bottom: float, width: float, height: float, color: Color) -> None:
        self._canvas.setFillColor(color)
        self._canvas.rect(left, bottom, width, height, stroke=0, fill=1)

    def block_title(self, title: str, left: float, y: float, width: float) -> None:
        """Draws a title on a light background; `y` is its baseline."""
        self.bar(left, y - 4.6, width, 15.6, STRIPE)
        self.text(TextStyle(8.5, self._accent, BOLD), left + INSET, y, title)
