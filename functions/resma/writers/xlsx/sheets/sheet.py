"""Elements before and after the rows of a data sheet, in the order that Excel requires (ECMA-376 Part 1 §18.3.1.99)."""

from __future__ import annotations

from itertools import groupby

from resma.report.header import NO_BRAND, Column, Kind, ReportHeader
from resma.writers.xlsx.sheets.cells import is_text
from resma.writers.xlsx.syntax.limits import page_footer, page_header
from resma.writers.xlsx.syntax.styles import CellStyle, Styles
from resma.writers.xlsx.syntax.xml import DECLARATION, MAIN, column_letters, escape, row_element, text_cell

_CHARACTERS_ACROSS = 140
"""Total width of all columns, which is distributed in proportion to their widths on a page."""
_MIN_CHARACTERS: dict[Kind, float] = {
    "integer": 8.0,
    "amount": 14.0,
    "float": 14.0,
    "date": 12.0,
    "timestamp": 20.0,
    "local_timestamp": 20.0,
    "time": 10.0,
    "interval": 12.0,
}
_MAX_CHARACTERS = 80.0
_FILTER_ARROW = 4

FROZEN_HEADER = (
    '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" '
    'state="frozen"/><selection pane="bottomLeft" activeCell="A2" sqref="A2"/></sheetView></sheetViews>'
)

A4, LETTER = 9, 1
"""Paper sizes (§18.3.1.63)."""


def sheet_head(header: ReportHeader, styles: Styles, rows: int) -> bytes:
    """Returns the start of a sheet up to the frozen header row. `rows` is the number of rows of data that follow."""
    cols = "".join(
        f'<col min="{i}" max="{i}" width="{width:.1f}" customWidth="1"/>'
        for i, width in enumerate(column_widths(header.columns), 1)
    )
    cells = [text_cell(column.heading, styles.number(heading_style(column))) for column in header.columns]
    headings = row_element(1, cells, ' ht="21" customHeight="1"')
    return (
        f'{DECLARATION}<worksheet xmlns="{MAIN}">'
        '<sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
        f'<dimension ref="{filter_area(header, rows)}"/>'
        f"{FROZEN_HEADER}"
        '<sheetFormatPr defaultRowHeight="15"/>'
        f"<cols>{cols}</cols><sheetData>{headings}"
    ).encode()


def sheet_tail(header: ReportHeader, rows: int) -> bytes:
    """Returns the end of a sheet with `rows` rows of data: filter and print setup."""
    return (
        f'</sheetData><autoFilter ref="{filter_area(header, rows)}"/>{print_setup(header, header.orientation)}'
        f"{_ignored_errors(header, rows)}</worksheet>"
    ).encode()


def _ignored_errors(header: ReportHeader, rows: int) -> str:
    """Disables Excel's marker for numbers stored as text in columns of strings, but not in columns of numbers."""
    areas = []
    for are_strings, columns in groupby(enumerate(header.columns), lambda pair: is_text(pair[1])):
        first, *rest = [at for at, _ in columns]
        if are_strings:
            last = rest[-1] if rest else first
            areas.append(f"{column_letters(first)}1:{column_letters(last)}{rows + 1}")
    if not areas:
        return ""
    return f'<ignoredErrors><ignoredError sqref="{" ".join(areas)}" numberStoredAsText="1"/></ignoredErrors>'


def print_setup(header: ReportHeader, orientation: str) -> str:
    """Returns the print setup: all columns fit the width of one page, with the page number in the footer."""
    paper = LETTER if header.locale.paper == "Letter" else A4
    brand = header.brand
    footer = escape(page_footer(header.title, brand.footer or ""))
    top = f"<oddHeader>{escape(page_header(header.organization))}</oddHeader>" if brand != NO_BRAND else ""
    return (
        '<pageMargins left="0.5" right="0.5" top="0.6" bottom="0.6" header="0.3" footer="0.3"/>'
        f'<pageSetup paperSize="{paper}" orientation="{orientation}" fitToHeight="0"/>'
        f"<headerFooter>{top}<oddFooter>{footer}</oddFooter></headerFooter>"
    )


def heading_style(column: Column) -> CellStyle:
    """Returns the style of a column's cell in the header row."""
    return CellStyle(font="heading", fill="heading", horizontal=column.align, vertical="center")


def filter_area(header: ReportHeader, rows: int, absolute: str = "") -> str:
    """Returns the reference to headings and rows: `A1:I500001`, or `$A$1:$I$500001` if `absolute` is `$`."""
    last = column_letters(len(header.columns) - 1)
    return f"{absolute}A{absolute}1:{absolute}{last}{absolute}{rows + 1}"


def column_widths(columns: tuple[Column, ...]) -> list[float]:
    """Returns widths in characters: a share of the page, but at least what the heading, a date or an amount needs."""
    whole = sum(column.width for column in columns)
    return [
        min(
            _MAX_CHARACTERS,
            max(
                column.width / whole * _CHARACTERS_ACROSS,
                _MIN_CHARACTERS.get(column.kind, 0) + column.scale,
                len(column.heading) + _FILTER_ARROW,
            ),
        )
        for column in columns
    ]
