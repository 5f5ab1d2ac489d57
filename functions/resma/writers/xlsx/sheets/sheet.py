"""What stands before and after the rows of a sheet of data (ECMA-376 Part 1 §18.3.1.99: Excel insists on the order)."""

from __future__ import annotations

from itertools import groupby

from resma.report.header import Column, ReportHeader
from resma.writers.xlsx.sheets.cells import is_text
from resma.writers.xlsx.syntax.limits import page_footer
from resma.writers.xlsx.syntax.styles import CellStyle, Styles
from resma.writers.xlsx.syntax.xml import DECLARATION, MAIN, column_letters, escape, row_element, text_cell

_CHARACTERS_ACROSS = 140
"""What all columns have together, to be shared out as on a page."""
_MIN_CHARACTERS = {"integer": 8.0, "amount": 14.0, "date": 12.0, "timestamp": 20.0}
_MAX_CHARACTERS = 80.0
_FILTER_ARROW = 4

FROZEN_HEADER = (
    '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" '
    'state="frozen"/><selection pane="bottomLeft" activeCell="A2" sqref="A2"/></sheetView></sheetViews>'
)

A4, LETTER = 9, 1
"""Paper sizes (§18.3.1.63)."""


def sheet_head(header: ReportHeader, styles: Styles, rows: int) -> bytes:
    """Up to and with the header row: frozen, columns as wide as they need. `rows` of data will follow."""
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
    """After the last of `rows` rows of data: the filter, and how it prints."""
    return (
        f'</sheetData><autoFilter ref="{filter_area(header, rows)}"/>{print_setup(header, header.orientation)}'
        f"{_ignored_errors(header, rows)}</worksheet>"
    ).encode()


def _ignored_errors(header: ReportHeader, rows: int) -> str:
    """Digits in columns of text are meant to be text. Excel's mark stays on where numbers had to become text."""
    areas = []
    for texts, columns in groupby(enumerate(header.columns), lambda pair: is_text(pair[1])):
        first, *rest = [at for at, _ in columns]
        if texts:
            last = rest[-1] if rest else first
            areas.append(f"{column_letters(first)}1:{column_letters(last)}{rows + 1}")
    if not areas:
        return ""
    return f'<ignoredErrors><ignoredError sqref="{" ".join(areas)}" numberStoredAsText="1"/></ignoredErrors>'


def print_setup(header: ReportHeader, orientation: str) -> str:
    """One page across, with its number below."""
    paper = LETTER if header.locale.tag == "en-US" else A4
    foot = escape(page_footer(header.title))
    return (
        '<pageMargins left="0.5" right="0.5" top="0.6" bottom="0.6" header="0.3" footer="0.3"/>'
        f'<pageSetup paperSize="{paper}" orientation="{orientation}" fitToHeight="0"/>'
        f"<headerFooter><oddFooter>{foot}</oddFooter></headerFooter>"
    )


def heading_style(column: Column) -> CellStyle:
    """The header row's cell over a column."""
    return CellStyle(font="heading", fill="heading", horizontal=column.align, vertical="center")


def filter_area(header: ReportHeader, rows: int, absolute: str = "") -> str:
    """`A1:I500001`: headings and rows; with `$` for absolute, `$A$1:$I$500001`."""
    last = column_letters(len(header.columns) - 1)
    return f"{absolute}A{absolute}1:{absolute}{last}{absolute}{rows + 1}"


def column_widths(columns: tuple[Column, ...]) -> list[float]:
    """In characters: a share of the page, but no less than the heading, a date or an amount needs."""
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
