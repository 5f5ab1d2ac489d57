"""Limits of the formats that other packages need before a file is written. They import nothing else from writers."""

from __future__ import annotations

from collections.abc import Sequence

from resma.i18n.locales import Locale
from resma.report.format_options import PdfOptions
from resma.writers.excel.limits import MAX_SHEET_ROWS
from resma.writers.pdf.layout import layout_of
from resma.writers.pdf.readability import Readability, SizedColumn, check_widths

__all__ = ["MAX_ROWS_PER_SHEET", "Readability", "check_page_width", "lines_per_page"]

MAX_ROWS_PER_SHEET = MAX_SHEET_ROWS - 1
"""Maximum number of rows of data per Excel sheet; the headings take one row."""


def lines_per_page(locale: Locale, orientation: str, options: PdfOptions) -> int:
    """Returns the number of lines per PDF page. `orientation` is the report type's; the options can override it."""
    return layout_of(locale, orientation, options).slots


def check_page_width(
    columns: Sequence[SizedColumn], locale: Locale, orientation: str, options: PdfOptions
) -> Readability:
    """Returns the columns for which a PDF page is too narrow."""
    return check_widths(columns, layout_of(locale, orientation, options))
