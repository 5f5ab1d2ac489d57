"""The sheet with the data of the charts: a visible block of two columns for each chart, labels and values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from itertools import zip_longest
from typing import Literal

from resma.i18n.locales import Language, Locale
from resma.i18n.translations import translate
from resma.report.header import Chart, ReportHeader, Series
from resma.writers.excel.limits import MAX_NUMBER_DIGITS
from resma.writers.palette import SHADES, palette_of
from resma.writers.xlsx.sheets.sheet import print_setup
from resma.writers.xlsx.syntax.limits import MAX_CHART_POINTS, MAX_CHART_TEXT_UNITS, MAX_CHARTS, shorten
from resma.writers.xlsx.syntax.serials import NotASerialError, day_serial
from resma.writers.xlsx.syntax.styles import CellStyle, Styles, month_format, number_format
from resma.writers.xlsx.syntax.xml import DECLARATION, MAIN, column_letters, number_cell, row_element, text_cell

MAX_BARS = 15
MAX_PARTS = 7
"""Maximum number of bars and of parts of a whole. With more categories, the last one is the sum of the others."""

_FIRST_ROW = 3
_COLUMNS_PER_BLOCK = 3

_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Panel:
    """One native chart with one series, because amounts of different currencies cannot share an axis."""

    title: str
    kind: Literal["time", "bars", "share"]
    series: str
    labels: tuple[str, ...]
    """Labels of the values. If `months` is set, they are the serial numbers of the first days of months."""
    months: bool
    values: tuple[Decimal, ...]
    label_cells: str
    """Reference to the cells of the labels, such as `$A$3:$A$14`."""
    value_cells: str
    series_cell: str
    month_format: str
    shades: tuple[str, ...] = SHADES
    """Colors of the parts of a whole; the second one is that of bars and lines."""


def make_panels(header: ReportHeader) -> list[Panel]:
    """Returns a panel for each series of each chart with data, in order, at most `MAX_CHARTS`."""
    pairs = [(chart, series) for chart in header.charts for series in chart.series if chart.labels]
    shades = palette_of(header.brand).shades
    return [
        replace(_panel(chart, series, header.locale, index), shades=shades)
        for index, (chart, series) in enumerate(pairs[:MAX_CHARTS])
    ]


def count_charts(header: ReportHeader) -> int:
    """Returns the number of panels without the limit of `make_panels`."""
    return sum(len(chart.series) for chart in header.charts if chart.labels)


def chart_data_sheet(header: ReportHeader, panels: Sequence[Panel], styles: Styles) -> bytes:
    """Returns the XML of the sheet: for each panel its title, its headings and its rows."""
    bold, heading = styles.number(CellStyle(font="section")), CellStyle(font="bold", border="below")
    left, right = styles.number(heading), styles.number(CellStyle(font="bold", border="below", horizontal="right"))
    blocks = [
        [
            [text_cell(panel.title, bold), "<c/>"],
            [text_cell("", left), text_cell(panel.series, right)],
            *_value_rows(panel, styles),
        ]
        for panel in panels
    ]
    lines = zip_longest(*blocks, fillvalue=["<c/>", "<c/>"])
    rows = [row_element(at, [cell for pair in line for cell in (*pair, "<c/>")]) for at, line in enumerate(lines, 1)]
    last = column_letters(len(panels) * _COLUMNS_PER_BLOCK - 2)
    cols = "".join(
        f'<col min="{at}" max="{at}" width="26" customWidth="1"/>'
        f'<col min="{at + 1}" max="{at + 1}" width="20" customWidth="1"/>'
        for at in range(1, len(panels) * _COLUMNS_PER_BLOCK, _COLUMNS_PER_BLOCK)
    )
    return (
        f'{DECLARATION}<worksheet xmlns="{MAIN}"><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
        f'<dimension ref="A1:{last}{len(rows)}"/>'
        '<sheetViews><sheetView showGridLines="0" workbookViewId="0"/>'
        f'</sheetViews><sheetFormatPr defaultRowHeight="15"/><cols>{cols}</cols>'
        f"<sheetData>{''.join(rows)}</sheetData>"
        f"{print_setup(header, 'landscape')}</worksheet>"
    ).encode()


def _value_rows(panel: Panel, styles: Styles) -> list[list[str]]:
    month = styles.number(CellStyle(panel.month_format, horizontal="left"))
    scale = 2 if any(value != value.to_integral_value() for value in panel.values) else 0
    figure = styles.number(CellStyle(number_format(scale), horizontal="right"))
    return [
        [number_cell(int(label), month) if panel.months else text_cell(label), number_cell(value, figure)]
        for label, value in zip(panel.labels, panel.values, strict=True)
    ]


def _panel(chart: Chart, series: Series, locale: Locale, index: int) -> Panel:
    language = locale.language
    pairs = [(label, _drawable(value)) for label, value in zip(chart.labels, series.values, strict=True)]
    name = shorten(series.name if chart.unit == "amount" else translate("Rows", language), MAX_CHART_TEXT_UNITS)
    months = chart.kind == "time" and all(map(_has_serial, chart.labels))
    if months:
        pairs = [(str(day_serial(f"{label}-01")), value) for label, value in pairs]
    # Negative values cannot be parts of a whole, so they are drawn as bars.
    is_negative = any(value < 0 for value in (*(value for _, value in pairs), _drawable(series.other)))
    kind = "bars" if chart.kind == "share" and is_negative else chart.kind
    if kind == "time":
        pairs = pairs[-MAX_CHART_POINTS:]
    else:
        further = (chart.labels_omitted, _drawable(series.other))
        pairs = _largest(pairs, MAX_BARS if kind == "bars" else MAX_PARTS, language, further)
    labels, values = column_letters(index * _COLUMNS_PER_BLOCK), column_letters(index * _COLUMNS_PER_BLOCK + 1)
    last = _FIRST_ROW + len(pairs) - 1
    is_named = chart.unit == "amount" and series.name != chart.title
    title = f"{chart.title} ({name}{_of_how_many(chart, language)})" if is_named else chart.title
    return Panel(
        title=shorten(title, MAX_CHART_TEXT_UNITS),
        kind=kind,
        series=name,
        labels=tuple(shorten(label, MAX_CHART_TEXT_UNITS) for label, _ in pairs),
        months=months,
        values=tuple(value for _, value in pairs),
        label_cells=f"${labels}${_FIRST_ROW}:${labels}${last}",
        value_cells=f"${values}${_FIRST_ROW}:${values}${last}",
        series_cell=f"${values}${_FIRST_ROW - 1}",
        month_format=month_format(locale),
    )


def _largest(
    pairs: list[tuple[str, Decimal]], max_pairs: int, language: Language, further: tuple[int, Decimal]
) -> list[tuple[str, Decimal]]:
    """Returns the pairs with the largest absolute values, and the sum of all others.

    `further` (count, sum) are categories that are not in `pairs`; they are included in the sum.
    """
    ordered = sorted(pairs, key=lambda pair: -abs(pair[1]))
    omitted, rest = further
    count = len(ordered) if len(ordered) <= max_pairs and not omitted else max_pairs - 1
    largest = sorted(ordered[:count], key=lambda pair: -pair[1])
    if not (others := omitted + len(ordered[count:])):
        return largest
    other_sum = sum((value for _, value in ordered[count:]), rest)
    return [*largest, (f"{translate('Other', language)} ({others})", other_sum)]


def _of_how_many(chart: Chart, language: Language) -> str:
    """Returns a suffix like `; 5 of 8` if some series are omitted."""
    if not chart.series_omitted:
        return ""
    return f"; {len(chart.series)} {translate('of', language)} {len(chart.series) + chart.series_omitted}"


def _drawable(value: Decimal) -> Decimal:
    """Returns the value rounded to Excel's digits, because text cannot be drawn. NaN and infinity become zero."""
    return Context(prec=MAX_NUMBER_DIGITS).plus(value) if value.is_finite() else Decimal(0)


def _has_serial(label: str) -> bool:
    try:
        return bool(_MONTH.fullmatch(label)) and day_serial(f"{label}-01") > 0
    except (NotASerialError, ValueError):
        return False
