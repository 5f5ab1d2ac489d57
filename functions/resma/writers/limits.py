"""Limits of the formats that others need before a file is written. Nobody else imports the inside of a writer."""

from __future__ import annotations

from collections.abc import Sequence

from resma.i18n.locales import Locale
from resma.report.format_options import PdfOptions
from resma.writers.excel.limits import MAX_SHEET_ROWS
from resma.writers.pdf.layout import layout_of
from resma.writers.pdf.readability import Readability, SizedColumn, check_widths

__all__ = ["MAX_ROWS_PER_SHEET", "Readability", "check_page_width", "lines_per_page"]

MAX_ROWS_PER_SHEET = MAX_SHEET_ROWS - 1
"""Rows of data on a sheet of Excel: the headings take one."""


def lines_per_page(locale: Locale, orientation: str, options: PdfOptions) -> int:
    """Lines of a page of a PDF; `orientation` is the report type's, unless the options name another."""
    return layout_of(locale, orientation, options).slots


def check_page_width(
    columns: Sequence[SizedColumn], locale: Locale, orientation: str, options: PdfOptions
) -> Readability:
    """Returns which columns a page of a PDF is too narrow for."""
    return check_widths(columns, layout_of(locale, orientation, options))
