"""PDF, written by our own code one page at a time: cover with charts, table of contents, table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resma.report.format_options import FormatOptions
from resma.report.header import ReportHeader

if TYPE_CHECKING:
    from resma.writers.pdf.writer import PdfWriter


def make_pdf_writer(header: ReportHeader, options: FormatOptions) -> PdfWriter:
    """Creates the writer of one PDF."""
    # Imported here because it loads slowly, and callers that need only the page layout should not wait for it.
    from resma.writers.pdf.writer import PdfWriter  # noqa: PLC0415

    return PdfWriter(header, options.pdf)
