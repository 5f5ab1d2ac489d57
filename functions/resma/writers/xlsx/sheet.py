"""What stands before and after the rows of a sheet of data (ECMA-376 Part 1 §18.3.1.99: Excel insists on the order)."""

from __future__ import annotations

from resma.header import Column, ReportHeader
from resma.writers.xlsx.styles import Look, Styles
from resma.writers.xlsx.xml import DECLARATION, MAIN, escape, text_cell

MOST_ROWS = 1_048_576
"""Excel's limit, the header row included."""

_CHARACTERS_ACROSS = 140
"""What all columns have together, to be shared out as on a page."""
_LEAST_CHARACTERS = {"integer": 8.0, "amount": 14.0, "date": 12.0, "timestamp": 20.0}
_MOST_CHARACTERS = 80.0
_FILTER_ARROW = 4

A4, LETTER = 9, 1
"""Paper sizes (§18.3.1.63)."""


def sheet_head(header: ReportHeader, styles: Styles) -> bytes:
    """Up to and with the header row: frozen, columns as wide as they need."""
    cols = "".join(
        f'<col min="{i}" max="{i}" width="{width:.1f}" customWidth="1"/>'
        for i, width in enumerate(column_widths(header.columns), 1)
    )
    cells = "".join(text_cell(column.heading, styles.number(heading_look(column))) for column in header.columns)
    return (
        f'{DECLARATION}<worksheet xmlns="{MAIN}">'
        '<sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
        '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" '
        'state="frozen"/><selection pane="bottomLeft" activeCell="A2" sqref="A2"/></sheetView></sheetViews>'
        '<sheetFormatPr defaultRowHeight="15"/>'
        f'<cols>{cols}</cols><sheetData><row ht="21" customHeight="1">{cells}</row>'
    ).encode()


def sheet_tail(header: ReportHeader, rows: int) -> bytes:
    """After the last of `rows` rows of data: the filter, and how it prints. Digits in texts are meant to be texts."""
    area = filter_area(header, rows)
    return (
        f'</sheetData><autoFilter ref="{area}"/>{print_setup(header, header.orientation)}'
        f'<ignoredErrors><ignoredError sqref="{area}" numberStoredAsText="1"/></ignoredErrors></worksheet>'
    ).encode()


def print_setup(header: ReportHeader, orientation: str) -> str:
    """One page across, with its number below."""
    paper = LETTER if header.locale.tag == "en-US" else A4
    foot = escape(f"&L{header.title.replace('&', '&&')[:200]}&R&P / &N")
    return (
        '<pageMargins left="0.5" right="0.5" top="0.6" bottom="0.6" header="0.3" footer="0.3"/>'
        f'<pageSetup paperSize="{paper}" orientation="{orientation}" fitToHeight="0"/>'
        f"<headerFooter><oddFooter>{foot}</oddFooter></headerFooter>"
    )


def heading_look(column: Column) -> Look:
    """The header row's cell over a column."""
    return Look(font="heading", fill="heading", horizontal=column.align, vertical="center")


def filter_area(header: ReportHeader, rows: int, absolute: str = "") -> str:
    """`A1:I500001`: headings and rows; with `$` for absolute, `$A$1:$I$500001`."""
    last = column_letters(len(header.columns) - 1)
    return f"{absolute}A{absolute}1:{absolute}{last}{absolute}{rows + 1}"


def column_letters(index: int) -> str:
    """`A` for 0, `Z` for 25, `AA` for 26."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def column_widths(columns: tuple[Column, ...]) -> list[float]:
    """In characters: a share of the page, but no less than the heading, a date or an amount needs."""
    whole = sum(column.width for column in columns)
    return [
        min(
            _MOST_CHARACTERS,
            max(
                column.width / whole * _CHARACTERS_ACROSS,
                _LEAST_CHARACTERS.get(column.kind, 0) + column.scale,
                len(column.heading) + _FILTER_ARROW,
            ),
        )
        for column in columns
    ]
