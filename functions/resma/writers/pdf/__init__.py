"""PDF, written by hand a page at a time: a cover with charts, contents, then the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resma.report.format_options import FormatOptions
from resma.report.header import ReportHeader

if TYPE_CHECKING:
    from resma.writers.pdf.writer import PdfWriter


def make_pdf_writer(header: ReportHeader, options: FormatOptions) -> PdfWriter:
    """Makes the writer of one PDF."""
    # Slow to load, as it draws charts: whoever asks for the pages' layout alone need not wait for it.
    from resma.writers.pdf.writer import PdfWriter  # noqa: PLC0415

    return PdfWriter(header, options.pdf)
