"""fpdf2's table."""

from __future__ import annotations

from fpdf import FPDF
from fpdf.fonts import FontFace

from tests.bench.peers.page import FONT, LEADING, MARGIN, SIZE, are_right, column_widths
from tests.bench.sink import Sink
from tests.bench.source import Source


def write(source: Source, sink: Sink) -> int:
    """Writes the rows. The whole document is in memory until it is output."""
    pdf = FPDF(orientation="landscape", unit="pt", format="A4")
    pdf.set_margin(MARGIN)
    pdf.add_font("Roboto", fname=FONT)
    pdf.set_font("Roboto", size=SIZE)
    pdf.add_page()
    rows = 0
    with pdf.table(
        col_widths=tuple(column_widths(source)),
        text_align=tuple("RIGHT" if is_right else "LEFT" for is_right in are_right(source)),
        line_height=LEADING,
        borders_layout="NONE",
        headings_style=FontFace(emphasis=""),  # bold would need another font
    ) as table:
        table.row(source.headings)
        for cells in source.texts():
            table.row(cells)
            rows += 1
    pdf.output(sink)
    return rows
