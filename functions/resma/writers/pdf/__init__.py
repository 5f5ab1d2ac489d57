"""PDF, written by hand a page at a time: a cover with charts, contents, then the table."""

from resma.header import ReportHeader
from resma.options import FormatOptions
from resma.writers.pdf.writer import PdfWriter

__all__ = ["PdfWriter", "make_pdf_writer"]


def make_pdf_writer(header: ReportHeader, options: FormatOptions) -> PdfWriter:
    """Makes the writer of one PDF."""
    return PdfWriter(header, options.pdf)
