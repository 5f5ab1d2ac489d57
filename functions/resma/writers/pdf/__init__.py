"""PDF, written by hand a page at a time: a cover with charts, then the table, fifty rows a page."""

from resma.writers.pdf.writer import PdfWriter

__all__ = ["PdfWriter"]
