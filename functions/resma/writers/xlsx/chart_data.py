"""The sheet that charts are drawn from: a block of two columns for each, labels and values, visible to all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from itertools import zip_longest

from resma.header import Chart, ReportHeader, Series
from resma.locales import Language, Locale
from resma.words import say
from resma.writers.xlsx.cells import MOST_DIGITS
from resma.writers.xlsx.serials import NotASerial, day_serial
from resma.writers.xlsx.sheet import column_letters
from resma.writers.xlsx.styles import Look, Styles, number_format
from resma.writers.xlsx.xml import DECLARATION, MAIN, number_cell, text_cell

MOST_BARS = 15
MOST_PARTS = 7
"""Where there are more categories, the last place is the sum of the others."""

_FIRST_ROW = 3
_COLUMNS_A_BLOCK = 3
_LCIDS = {"en-US": "409", "en-GB": "809", "pt-BR": "416", "de-DE": "407"}
"""Microsoft's numbers of languages: months are named in the report's, whatever Excel's is."""

_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Panel:
    """One native chart: one series, as currencies share no axis."""

    title: str
    kind: str
    series: str
    labels: tuple[str, ...]
    """Of months: serial numbers of their first days, where `months`."""
    months: bool
    values: tuple[Decimal, ...]
    label_cells: str
    """Where they are: `$A$3:$A$14`."""
    value_cells: str
    series_cell: str
    month_format: str


def make_panels(header: ReportHeader) -> list[Panel]:
    """A panel for each series of each chart that has anything to show, in order."""
    panels: list[Panel] = []
    for chart in header.charts:
        for series in chart.series:
            if chart.labels:
                panels.append(_panel(chart, series, header.locale, len(panels)))
    return panels


def chart_data_sheet(panels: Sequence[Panel], styles: Styles) -> bytes:
    """The part: for each panel its title, its headings, its rows."""
    bold, heading = styles.number(Look(font="section")), Look(font="bold", border="below")
    left, right = styles.number(heading), styles.number(Look(font="bold", border="below", horizontal="right"))
    blocks = [
        [
            [text_cell(panel.title, bold), "<c/>"],
            [text_cell("", left), text_cell(panel.series, right)],
            *_value_rows(panel, styles),
        ]
        for panel in panels
    ]
    rows = ("<c/>".join("".join(cells) for cells in row) for row in zip_longest(*blocks, fillvalue=["<c/>", "<c/>"]))
    cols = "".join(
        f'<col min="{at}" max="{at}" width="26" customWidth="1"/>'
        f'<col min="{at + 1}" max="{at + 1}" width="20" customWidth="1"/>'
        for at in range(1, len(panels) * _COLUMNS_A_BLOCK, _COLUMNS_A_BLOCK)
    )
    return (
        f'{DECLARATION}<worksheet xmlns="{MAIN}"><sheetViews><sheetView showGridLines="0" workbookViewId="0"/>'
        f'</sheetViews><sheetFormatPr defaultRowHeight="15"/><cols>{cols}</cols>'
        f"<sheetData>{''.join(f'<row>{row}</row>' for row in rows)}</sheetData></worksheet>"
    ).encode()


def _value_rows(panel: Panel, styles: Styles) -> list[list[str]]:
    month = styles.number(Look(panel.month_format, horizontal="left"))
    scale = 2 if any(value != value.to_integral_value() for value in panel.values) else 0
    figure = styles.number(Look(number_format(scale), horizontal="right"))
    return [
        [number_cell(int(label), month) if panel.months else text_cell(label), number_cell(value, figure)]
        for label, value in zip(panel.labels, panel.values, strict=True)
    ]


def _panel(chart: Chart, series: Series, locale: Locale, index: int) -> Panel:
    language = locale.language
    pairs = [(label, _drawable(value)) for label, value in zip(chart.labels, series.values, strict=True)]
    months = chart.kind == "time" and all(map(_has_serial, chart.labels))
    if months:
        pairs = [(str(day_serial(f"{label}-01")), value) for label, value in pairs]
    if chart.kind != "time":
        pairs = _largest(pairs, MOST_BARS if chart.kind == "bars" else MOST_PARTS, language)
    labels, values = column_letters(index * _COLUMNS_A_BLOCK), column_letters(index * _COLUMNS_A_BLOCK + 1)
    last = _FIRST_ROW + len(pairs) - 1
    return Panel(
        title=f"{chart.title} ({series.name})" if chart.unit == "amount" else chart.title,
        kind=chart.kind,
        series=series.name if chart.unit == "amount" else say("Rows", language),
        labels=tuple(label for label, _ in pairs),
        months=months,
        values=tuple(value for _, value in pairs),
        label_cells=f"${labels}${_FIRST_ROW}:${labels}${last}",
        value_cells=f"${values}${_FIRST_ROW}:${values}${last}",
        series_cell=f"${values}${_FIRST_ROW - 1}",
        month_format=f"[$-{_LCIDS.get(locale.tag, '409')}]mmm\\ yyyy",
    )


def _largest(pairs: list[tuple[str, Decimal]], most: int, language: Language) -> list[tuple[str, Decimal]]:
    ordered = sorted(pairs, key=lambda pair: -pair[1])
    if len(ordered) <= most:
        return ordered
    rest = ordered[most - 1 :]
    return [*ordered[: most - 1], (f"{say('Other', language)} ({len(rest)})", sum(v for _, v in rest) + Decimal(0))]


def _drawable(value: Decimal) -> Decimal:
    """Rounded to what Excel keeps of a number, as text has no height; what is no number has none either."""
    return Context(prec=MOST_DIGITS).plus(value) if value.is_finite() else Decimal(0)


def _has_serial(label: str) -> bool:
    try:
        return bool(_MONTH.fullmatch(label)) and day_serial(f"{label}-01") > 0
    except (NotASerial, ValueError):
        return False
