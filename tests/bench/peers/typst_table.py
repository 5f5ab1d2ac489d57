"""Typst: its table with a header that is repeated on every page, filled from CSV by Typst's `csv` function."""

from __future__ import annotations

import csv
import io

import typst

from tests.bench.peers.page import FONT, LEADING, MARGIN, SIZE, are_right, column_widths
from tests.bench.sink import Sink
from tests.bench.source import Source


def write(source: Source, sink: Sink) -> int:
    """Writes the rows. Fixed widths and heights save Typst from computing them. The whole document is in memory.

    It writes no tags for screen readers, and neither do the other peers.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    rows = 0
    for cells in source.texts():
        writer.writerow(cells)
        rows += 1
    files = {"main.typ": _document(source).encode(), "rows.csv": text.getvalue().encode()}
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FONT.parent)])
    sink.write(typst.compile(files, font_paths=fonts, pdf_tags=False))
    return rows


def _document(source: Source) -> str:
    widths = ", ".join(f"{width}pt" for width in column_widths(source))
    align = ", ".join("right" if is_right else "left" for is_right in are_right(source))
    headings = ", ".join(f"[{heading}]" for heading in source.headings)
    return f"""
        #set page(paper: "a4", flipped: true, margin: {MARGIN}pt, numbering: "1")
        #set text(font: "Roboto", size: {SIZE}pt)
        #table(columns: ({widths}), rows: {LEADING}pt, align: ({align}), stroke: none, inset: 0pt,
          table.header({headings}), ..csv("rows.csv").flatten())"""
