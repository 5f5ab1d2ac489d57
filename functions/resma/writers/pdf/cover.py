"""The cover: what the report is, totals and charts, drawn by reportlab."""

from __future__ import annotations

from io import BytesIO

from reportlab.pdfgen.canvas import Canvas

from resma.header import ReportHeader
from resma.writers.pdf.imported import ImportedPages
from resma.writers.pdf.layout import PAGE_HEIGHT, PAGE_WIDTH


def cover_pages(header: ReportHeader, table_pages: int) -> ImportedPages:
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=(PAGE_WIDTH, PAGE_HEIGHT), pageCompression=1, invariant=1)
    canvas.drawString(60, 500, header.title)
    canvas.showPage()
    canvas.save()
    return ImportedPages(buffer.getvalue())
