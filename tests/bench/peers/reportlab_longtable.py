"""reportlab's LongTable, which its manual recommends for tables with many rows."""

from __future__ import annotations

from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import LongTable, SimpleDocTemplate

from tests.bench.peers.page import (
    FONT,
    LEADING,
    MARGIN,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    SIZE,
    are_right,
    column_widths,
)
from tests.bench.sink import Sink
from tests.bench.source import Source


def write(source: Source, sink: Sink) -> int:
    """Writes the rows. A table needs all rows at once. Fixed heights and widths save it from computing them."""
    registerFont(TTFont("Roboto", FONT))
    rows = list(source.texts())
    style = [
        ("FONT", (0, 0), (-1, -1), "Roboto", SIZE),
        ("TOPPADDING", (0, 0), (-1, -1), 0),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 0),
        *(("ALIGN", (i, 0), (i, -1), "RIGHT") for i, is_right in enumerate(are_right(source)) if is_right),
    ]
    table = LongTable(
        [source.headings, *rows],
        colWidths=column_widths(source),
        rowHeights=[LEADING] * (len(rows) + 1),
        repeatRows=1,
        style=style,
    )
    margins = dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), MARGIN)
    SimpleDocTemplate(sink, pagesize=(PAGE_WIDTH, PAGE_HEIGHT), **margins).build([table])
    return len(rows)
