"""A snapshot's charts as its report's row keeps them: cut down to what a page can show, whatever the data hold."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal, localcontext
from typing import TypedDict

from resma.catalogue import load_catalogue
from resma.content import ReportContent
from resma.header import Chart
from resma.locales import LOCALES, Language
from resma.words import say

MOST_BARS = 15
MOST_PARTS = 7
"""As in the spreadsheet: where there are more categories, the last place is the sum of the others."""

MOST_TIMES = 120
"""Ten years of months. Where there are more they become years, and the oldest one place before the others."""

MOST_SERIES = 12
"""The largest are kept: sums of several currencies would say nothing."""

MOST_CHARACTERS = 100
"""Of a label, and of a series' name."""

_MOST_DIGITS = 40

_SUM_DIGITS = 1000
"""More than any sum of amounts has: none is rounded."""


class StoredSeries(TypedDict):
    """Values as text, so that no digit is lost; as many as the chart has labels."""

    name: str
    values: list[str]


class StoredChart(TypedDict):
    """A chart as the row keeps it, and the API shows it but for `by`."""

    by: str
    """The column whose values are the labels."""
    title: str
    kind: str
    unit: str
    labels: list[str]
    series: list[StoredSeries]
    series_left_out: int


def store_charts(content: ReportContent, charts: Sequence[Chart]) -> list[StoredChart]:
    """Returns the charts of a report's snapshot, in the catalogue's order."""
    report_type = load_catalogue()[content.type]
    language = LOCALES[content.locale].language
    hidden = {column.name for column in report_type.columns if column.personal and content.personal_masked}
    return [
        _store(spec.by, chart, language)
        for spec, chart in zip(report_type.charts, charts, strict=True)
        if spec.by not in hidden
    ]


def _store(by: str, chart: Chart, language: Language) -> StoredChart:
    shown = chart.series[:MOST_SERIES]
    labels, values = list(chart.labels), [list(series.values) for series in shown]
    if chart.kind == "time":
        labels, values = _fewer_times(labels, values, language)
    else:
        labels, values = _fewer_categories(chart.kind, labels, values, language)
    return StoredChart(
        by=by,
        title=chart.title,
        kind=chart.kind,
        unit=chart.unit,
        labels=[_shortened(label) for label in labels],
        series=[
            StoredSeries(name=_shortened(series.name), values=[_show(value) for value in row])
            for series, row in zip(shown, values, strict=True)
        ],
        series_left_out=len(chart.series) - len(shown),
    )


def _fewer_categories(
    kind: str, labels: list[str], values: list[list[Decimal]], language: Language
) -> tuple[list[str], list[list[Decimal]]]:
    """The largest first: by value where there is one series, otherwise by rows, as they come."""
    most = MOST_BARS if kind == "bars" else MOST_PARTS
    order = list(range(len(labels)))
    if len(values) == 1 and not any(value.is_nan() for value in values[0]):
        order.sort(key=lambda at: -values[0][at])
    labels, values = [labels[at] for at in order], [[row[at] for at in order] for row in values]
    if len(labels) <= most:
        return labels, values
    others = f"{say('Other', language)} ({len(labels) - most + 1})"
    return [*labels[: most - 1], others], [[*row[: most - 1], _sum(row[most - 1 :])] for row in values]


def _fewer_times(
    labels: list[str], values: list[list[Decimal]], language: Language
) -> tuple[list[str], list[list[Decimal]]]:
    if len(labels) > MOST_TIMES:
        years: dict[str, list[int]] = {}
        for at, label in enumerate(labels):
            years.setdefault(label[:-3] if label[-3:-2] == "-" else label, []).append(at)
        labels = list(years)
        values = [[_sum([row[at] for at in places]) for places in years.values()] for row in values]
    if (surplus := len(labels) - MOST_TIMES + 1) > 1:
        others = f"{say('Other', language)} ({surplus})"
        labels = [others, *labels[surplus:]]
        values = [[_sum(row[:surplus]), *row[surplus:]] for row in values]
    return labels, values


def _sum(values: Sequence[Decimal]) -> Decimal:
    """NaN where one is, or where infinities go both ways."""
    with localcontext(Context(prec=_SUM_DIGITS, traps=[])):
        return sum(values, Decimal(0))


def _show(value: Decimal) -> str:
    """Like `1234.50`; a number that is longer than any amount is rounded, and has an exponent."""
    if not value.is_finite() or (
        len(value.as_tuple().digits) <= _MOST_DIGITS and abs(value.adjusted()) <= _MOST_DIGITS
    ):
        return f"{value:f}"
    return f"{Context(prec=_MOST_DIGITS).plus(value):E}"


def _shortened(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"
