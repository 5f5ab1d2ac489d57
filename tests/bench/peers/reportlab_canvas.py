"""reportlab's canvas, with each cell drawn at its position: reportlab's fastest API."""

from __future__ import annotations

from itertools import accumulate, islice

from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from tests.bench.peers.page import (
    FONT,
    LEADING,
    MARGIN,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    ROWS_PER_PAGE,
    SIZE,
    are_right,
    column_widths,
)
from tests.bench.sink import Sink
from tests.bench.source import Source


def write(source: Source, sink: Sink) -> int:
    """Writes the rows. The canvas keeps all pages in memory until it is saved."""
    registerFont(TTFont("Roboto", FONT))
    canvas = Canvas(sink, pagesize=(PAGE_WIDTH, PAGE_HEIGHT))
    widths = column_widths(source)
    lefts = [MARGIN + x for x in accumulate(widths[:-1], initial=0.0)]
    places = [
        (left + width - 2, canvas.drawRightString) if is_right else (left, canvas.drawString)
        for left, width, is_right in zip(lefts, widths, are_right(source), strict=True)
    ]
    texts = source.texts()
    rows = page = 0
    while lines := list(islice(texts, ROWS_PER_PAGE)):
        page += 1
        rows += len(lines)
        canvas.setFont("Roboto", SIZE)
        for line, cells in enumerate([source.headings, *lines]):
            y = PAGE_HEIGHT - MARGIN - (line + 1) * LEADING
            for (x, draw), cell in zip(places, cells, strict=True):
                draw(x, y, cell)
        canvas.drawRightString(PAGE_WIDTH - MARGIN, MARGIN / 2, f"Page {page}")
        canvas.showPage()
    canvas.save()
    return rows
