"""Subtotals of the periods, on a sheet of their own, so that sums and filters of the data do not include them."""

from __future__ import annotations

from collections.abc import Iterator

from resma.errors import FormatLimitError
from resma.i18n.locales import Locale
from resma.i18n.translations import translate
from resma.report.header import Column, Period, ReportHeader
from resma.writers.excel.limits import MAX_SHEET_ROWS
from resma.writers.xlsx.sheets.sheet import FROZEN_HEADER, heading_style, print_setup
from resma.writers.xlsx.syntax.serials import day_serial
from resma.writers.xlsx.syntax.styles import CellStyle, Styles, date_format, decimals, month_format, number_format
from resma.writers.xlsx.syntax.xml import DECLARATION, MAIN, column_letters, number_cell, row_element, text_cell

_TALL = ' ht="21" customHeight="1"'


def subtotals_sheet(header: ReportHeader, styles: Styles) -> bytes:
    """Returns the XML of the sheet: a row for each period and currency, with a column for each amount.

    Raises FormatLimitError if there are too many rows.
    """
    language = header.locale.language
    amounts = [column.heading for column in header.total_columns]
    if header.has_currencies and len(amounts) == 1:
        amounts = [translate("Amount", language)]
    names = [translate("Period", language), *([translate("Currency", language)] if header.has_currencies else [])]
    columns = [
        *(Column("text", name) for name in names),
        Column("rows", translate("Rows", language), "integer", align="right"),
        *(Column("amount", name, "amount", align="right") for name in amounts),
    ]
    last = column_letters(len(columns) - 1)
    narrow = len(names) + 1
    heads = [text_cell(column.heading, styles.number(heading_style(column))) for column in columns]
    lines = [row_element(number, cells) for number, cells in enumerate(_lines(header, styles), 2)]
    if len(lines) >= MAX_SHEET_ROWS:
        raise FormatLimitError(
            f"There are {len(lines):,} subtotals, and an Excel sheet holds {MAX_SHEET_ROWS:,} rows. "
            "Narrow the report's filters, or request another format."
        )
    return (
        f'{DECLARATION}<worksheet xmlns="{MAIN}"><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
        f'<dimension ref="A1:{last}{len(lines) + 1}"/>{FROZEN_HEADER}'
        '<sheetFormatPr defaultRowHeight="15"/>'
        f'<cols><col min="1" max="{narrow}" width="16" customWidth="1"/>'
        f'<col min="{narrow + 1}" max="{len(columns)}" width="24" customWidth="1"/></cols>'
        f"<sheetData>{row_element(1, heads, _TALL)}{''.join(lines)}</sheetData>"
        f'<autoFilter ref="A1:{last}{len(lines) + 1}"/>{print_setup(header, "portrait")}</worksheet>'
    ).encode()


def _lines(header: ReportHeader, styles: Styles) -> Iterator[list[str]]:
    rows = styles.number(CellStyle(number_format(0), horizontal="right"))
    looks = [
        styles.number(CellStyle(number_format(decimals(values)), horizontal="right"))
        for values in zip(*(total.amounts for period in header.periods for total in period.totals), strict=True)
    ]
    for period in header.periods:
        for total in period.totals:
            yield [
                _label(period, header.locale, styles),
                *([] if total.currency is None else [text_cell(total.currency)]),
                number_cell(total.rows, rows),
                *(number_cell(amount, look) for amount, look in zip(total.amounts, looks, strict=True)),
            ]
        if period.totals_omitted:
            rest = period.rows - sum(total.rows for total in period.totals)
            yield [
                _label(period, header.locale, styles),
                text_cell(f"+ {period.totals_omitted}"),
                number_cell(rest, rows),
            ]


def _label(period: Period, locale: Locale, styles: Styles) -> str:
    """Returns a cell: days and months as dates, which Excel can sort and group, all other labels as text."""
    label = period.label or translate("none", locale.language)
    for iso, code in ((label, date_format(locale)), (f"{label}-01", month_format(locale))):
        try:
            return number_cell(day_serial(iso), styles.number(CellStyle(code, horizontal="left")))
        except ValueError:
            continue
    return text_cell(label)
