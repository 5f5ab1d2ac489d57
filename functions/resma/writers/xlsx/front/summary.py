"""The summary sheet: title, reconciliation data, filters and totals, with space for the charts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import ceil

from resma.i18n.translations import translate
from resma.report.header import ReportHeader
from resma.report.total_lines import TotalLine, control_lines, total_lines
from resma.writers.xlsx.sheets.sheet import print_setup
from resma.writers.xlsx.syntax.limits import MAX_LINES
from resma.writers.xlsx.syntax.serials import DaySerials, SecondOffsets, timestamp_serial
from resma.writers.xlsx.syntax.styles import CellStyle, Styles, date_format, decimals, number_format
from resma.writers.xlsx.syntax.xml import DECLARATION, MAIN, RELATIONSHIPS, number_cell, row_element, text_cell

WIDTHS = (24, 20, 24)
"""Widths of the text columns in characters. A narrow column separates them from the charts."""
FIRST_CHART_COLUMN = len(WIDTHS) + 1
FIRST_CHART_ROW = 3

_VALUE_CHARACTERS = 42
_LINE_POINTS = 15
_MAX_NAMES = 20
"""Maximum number of currencies that are listed in one cell."""

_MAX_LINES = 27
"""Maximum number of lines of a row: Excel limits the height of a row to 409 points."""

_DRAWING = '<drawing r:id="rId1"/>'

_LABEL = CellStyle(font="label", vertical="top")
_VALUE = CellStyle(horizontal="left", vertical="top", wrap=True)
_SECTION = CellStyle(font="section", border="below")
_HEAD = CellStyle(font="bold", border="below")
_HEAD_RIGHT = CellStyle(font="bold", border="below", horizontal="right")


@dataclass
class _Grid:
    """Rows of cells from the top, and references to merged cells."""

    styles: Styles
    rows: list[str] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)

    def add(self, cells: Sequence[str] = (), height: float | None = None) -> None:
        size = f' ht="{height:g}" customHeight="1"' if height else ""
        self.rows.append(row_element(len(self.rows) + 1, cells, size))

    def text(self, text: str, look: CellStyle) -> str:
        return text_cell(text, self.styles.number(look))

    def section(self, title: str) -> None:
        """Adds a section title across all columns, with a line below it."""
        empty = f'<c s="{self.styles.number(_SECTION)}"/>'
        self.add()
        self.add([self.text(title, _SECTION), empty, empty], 18)

    def pair(self, label: str, value: str, length: int = 0) -> None:
        """Adds a label and a value across the other columns. `length` is the value's length, for the row height."""
        lines = min(max(1, ceil(length / _VALUE_CHARACTERS)), _MAX_LINES)
        self.add([self.text(label, _LABEL), value], lines * _LINE_POINTS if lines > 1 else None)
        self.merged.append(f"B{len(self.rows)}:C{len(self.rows)}")

    def text_pair(self, label: str, value: str) -> None:
        self.pair(label, self.text(value, _VALUE), len(value))


def summary_sheet(header: ReportHeader, styles: Styles, *, drawing: bool) -> bytes:
    """Returns the XML of the summary sheet. `drawing` is whether it has charts, through the relationship `rId1`."""
    grid = _Grid(styles)
    grid.add([grid.text(header.organization, _LABEL)])
    grid.add([grid.text(header.title, CellStyle(font="title"))], 27)
    _reconciliation(grid, header)
    _filters(grid, header)
    _totals(grid, header)
    _control_totals(grid, header)
    cols = "".join(f'<col min="{i}" max="{i}" width="{w}" customWidth="1"/>' for i, w in enumerate((*WIDTHS, 3), 1))
    merged = "".join(f'<mergeCell ref="{area}"/>' for area in grid.merged)
    return (
        f'{DECLARATION}<worksheet xmlns="{MAIN}" xmlns:r="{RELATIONSHIPS}">'
        f'<sheetPr><pageSetUpPr fitToPage="1"/></sheetPr><dimension ref="A1:C{len(grid.rows)}"/>'
        '<sheetViews><sheetView showGridLines="0" tabSelected="1" workbookViewId="0"/></sheetViews>'
        f'<sheetFormatPr defaultRowHeight="{_LINE_POINTS}"/><cols>{cols}</cols>'
        f"<sheetData>{''.join(grid.rows)}</sheetData>"
        f'<mergeCells count="{len(grid.merged)}">{merged}</mergeCells>{print_setup(header, "landscape")}'
        f"{_DRAWING if drawing else ''}</worksheet>"
    ).encode()


def _reconciliation(grid: _Grid, header: ReportHeader) -> None:
    language = header.locale.language
    figure = CellStyle(number_format(0), horizontal="left", vertical="top")
    timestamp = CellStyle(f'{date_format(header.locale)} hh:mm:ss "UTC"', horizontal="left", vertical="top")
    when = f"{header.as_of:%Y-%m-%d %H:%M:%S}".encode()
    serial = timestamp_serial(when, DaySerials(), SecondOffsets()).decode()
    grid.section(translate("Reconciliation", language))
    grid.pair(translate("Rows", language), number_cell(header.rows, grid.styles.number(figure)))
    grid.pair(translate("As of", language), f'<c s="{grid.styles.number(timestamp)}"><v>{serial}</v></c>')
    grid.text_pair(translate("Time zone", language), header.time_zone)
    if header.has_currencies:
        grid.text_pair(translate("Currencies", language), _currencies(header))
    grid.text_pair(translate("Report id", language), header.report_id)


def _filters(grid: _Grid, header: ReportHeader) -> None:
    language = header.locale.language
    grid.section(translate("Filters", language))
    for label, value in header.filters:
        grid.text_pair(label, value)
    if not header.filters:
        grid.text_pair(translate("none", language), "")


def _totals(grid: _Grid, header: ReportHeader) -> None:
    language = header.locale.language
    if not header.rows:
        grid.add()
        grid.add([grid.text(translate("No rows match.", language), CellStyle(font="bold"))])
    if header.totals:
        grid.section(translate("Totals by currency" if header.has_currencies else "Totals", language))
        name = translate("Currency", language) if header.has_currencies else ""
        heads = [
            (name, _HEAD),
            (translate("Rows", language), _HEAD_RIGHT),
            (translate("Amount", language), _HEAD_RIGHT),
        ]
        grid.add([grid.text(text, look) for text, look in heads])
        for cells in _total_lines(grid, list(total_lines(header, header.totals))):
            grid.add(cells)
        if header.totals_omitted:
            rest = header.rows - sum(total.rows for total in header.totals)
            name = f"+ {header.totals_omitted} ({translate('Currencies', language)})"
            look = CellStyle(number_format(0), horizontal="right")
            grid.add([text_cell(name), number_cell(rest, grid.styles.number(look))])
    if header.balance:
        amounts = [Decimal(header.balance.opening), Decimal(header.balance.closing)]
        look = CellStyle(number_format(decimals(amounts)), horizontal="right", vertical="top")
        grid.add()
        for word, amount in zip(("Opening balance", "Closing balance"), amounts, strict=True):
            cells = [
                grid.text(translate(word, language), _LABEL),
                "<c/>",
                number_cell(amount, grid.styles.number(look)),
            ]
            grid.add(cells)


def _control_totals(grid: _Grid, header: ReportHeader) -> None:
    """Adds the figures of the control query, in the columns of the totals."""
    if header.control_totals is None:
        return
    grid.section(translate("Control totals agree", header.locale.language))
    counts_rows = any(total.rows for total in header.control_totals)
    for cells in _total_lines(grid, list(control_lines(header))):
        grid.add(cells if counts_rows else [*cells[:1], "<c/>", *cells[2:]])


def _total_lines(grid: _Grid, totals: Sequence[TotalLine]) -> Iterator[list[str]]:
    rows = grid.styles.number(CellStyle(number_format(0), horizontal="right"))
    amounts = grid.styles.number(CellStyle(number_format(decimals([t.amount for t in totals])), horizontal="right"))
    for total in totals[:MAX_LINES]:
        yield [text_cell(total.name), number_cell(total.rows, rows), number_cell(total.amount, amounts)]
    if len(totals) > MAX_LINES:
        yield [text_cell("…")]


def _currencies(header: ReportHeader) -> str:
    names = [total.currency or "" for total in header.totals[:_MAX_NAMES]]
    if more := len(header.totals) + header.totals_omitted - len(names):
        names.append(f"+ {more}")
    return ", ".join(names) or translate("none", header.locale.language)
