"""Charts of a snapshot as stored in the report's row: reduced to what a page can show, whatever the data contain."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import TypedDict

from resma.catalog import ReportType, find_locale, load_catalog
from resma.i18n.locales import Language
from resma.i18n.translations import translate
from resma.report.chart_months import year_of
from resma.report.content import ReportContent
from resma.report.exact_decimals import exact_sum
from resma.report.header import Chart, Series
from resma.short_text import ROUNDED_DIGITS, shorten, show_amount

MAX_BARS = 15
MAX_PARTS = 7
"""Maximum number of categories, as in spreadsheets. If there are more, the last one is the sum of the others."""

MAX_TIMES = 120
"""Maximum number of months: ten years. More months are combined to years, and surplus years to one value."""

MAX_SERIES = 12
"""Maximum number of series, largest first. The others are not summed, because their currencies differ."""

MAX_CHARACTERS = 100
"""Maximum length of a label and of a series' name."""


class StoredSeries(TypedDict):
    """A series with one value per label of the chart. Values are strings, so that no digit is lost."""

    name: str
    values: list[str]


class StoredChart(TypedDict):
    """A chart as stored in the row. The API shows all properties except `by`."""

    by: str
    """Name of the column whose values are the labels."""
    title: str
    kind: str
    unit: str
    labels: list[str]
    series: list[StoredSeries]
    series_omitted: int


def store_charts(content: ReportContent, charts: Sequence[Chart]) -> list[StoredChart]:
    """Returns the charts of a report's snapshot, in the catalog's order."""
    report_type = load_catalog()[content.type]
    language = find_locale(content.locale).language
    hidden = {column.name for column in report_type.columns if column.personal and content.personal_masked}
    return [
        _store(spec.by, chart, language)
        for spec, chart in zip(report_type.charts, charts, strict=True)
        if spec.by not in hidden
    ]


def _store(by: str, chart: Chart, language: Language) -> StoredChart:
    shown = chart.series[:MAX_SERIES]
    labels, values = list(chart.labels), [list(series.values) for series in shown]
    if chart.kind == "time":
        labels, values = _fewer_times(labels, values, language)
    else:
        labels, values = _fewer_categories(chart, shown, language)
    return StoredChart(
        by=by,
        title=chart.title,
        kind=chart.kind,
        unit=chart.unit,
        labels=[shorten(label, MAX_CHARACTERS) for label in labels],
        series=[
            StoredSeries(
                name=shorten(series.name, MAX_CHARACTERS), values=[show_amount(value, ROUNDED_DIGITS) for value in row]
            )
            for series, row in zip(shown, values, strict=True)
        ],
        series_omitted=len(chart.series) - len(shown) + chart.series_omitted,
    )


def _fewer_categories(
    chart: Chart, shown: Sequence[Series], language: Language
) -> tuple[list[str], list[list[Decimal]]]:
    """Returns the largest categories and the sum of all others. If there is one series, they are sorted by value."""
    max_labels = MAX_BARS if chart.kind == "bars" else MAX_PARTS
    labels, values = list(chart.labels), [list(series.values) for series in shown]
    is_lumped = chart.labels_omitted or len(labels) > max_labels
    kept = list(range(len(labels)))
    if len(values) == 1 and not any(value.is_nan() for value in values[0]):
        # The categories with the smallest absolute values are combined.
        kept.sort(key=lambda at: -abs(values[0][at]))
        kept = sorted(kept[: max_labels - 1] if is_lumped else kept, key=lambda at: -values[0][at])
    elif is_lumped:
        kept = kept[: max_labels - 1]
    chosen = [labels[at] for at in kept], [[row[at] for at in kept] for row in values]
    if not is_lumped:
        return chosen
    left = [at for at in range(len(labels)) if at not in kept]
    others = [exact_sum([*(row[at] for at in left), series.other]) for row, series in zip(values, shown, strict=True)]
    label = f"{translate('Other', language)} ({len(left) + chart.labels_omitted})"
    return [*chosen[0], label], [[*row, other] for row, other in zip(chosen[1], others, strict=True)]


def _fewer_times(
    labels: list[str], values: list[list[Decimal]], language: Language
) -> tuple[list[str], list[list[Decimal]]]:
    if len(labels) > MAX_TIMES:
        years: dict[str, list[int]] = {}
        for at, label in enumerate(labels):
            years.setdefault(year_of(label), []).append(at)
        labels = list(years)
        values = [[exact_sum([row[at] for at in months]) for months in years.values()] for row in values]
    if (surplus := len(labels) - MAX_TIMES + 1) > 1:
        others = f"{translate('Other', language)} ({surplus})"
        labels = [others, *labels[surplus:]]
        values = [[exact_sum(row[:surplus]), *row[surplus:]] for row in values]
    return labels, values


def translate_chart(
    chart: StoredChart, report_type: ReportType, stored_in: Language, language: Language
) -> StoredChart:
    """Returns a stored chart in another language.

    The title and the heading of an amount come from the catalog. Labels that are choices of the filter with the same
    name are translated; other labels, currencies and all values do not change.
    """
    titles = [
        spec.title
        for spec in report_type.charts
        if (spec.by, spec.kind, spec.unit) == (chart["by"], chart["kind"], chart["unit"])
    ]
    own = next((title for title in titles if title.in_language(stored_in) == chart["title"]), None)
    words = {translate(word, stored_in): translate(word, language) for word in ("Without date",)}
    for item in report_type.filters:
        if item.name == chart["by"]:
            words |= {choice: label.in_language(language) for choice, label in item.choice_labels.items()}
    other = re.compile(rf"{re.escape(translate('Other', stored_in))} \((\d+)\)")
    labels = [other.sub(rf"{translate('Other', language)} (\1)", words.get(label, label)) for label in chart["labels"]]
    title = own.in_language(language) if own else chart["title"]
    names = {chart["title"]: title} if chart["unit"] == "rows" else _headings(report_type, stored_in, language)
    series = [
        StoredSeries(name=names.get(each["name"], each["name"]), values=each["values"]) for each in chart["series"]
    ]
    return {**chart, "title": title, "labels": labels, "series": series}


def _headings(report_type: ReportType, stored_in: Language, language: Language) -> dict[str, str]:
    """Returns the heading of the amount in charts without currencies, from one language to another."""
    totals = report_type.totals
    if totals is None or totals.currency is not None:
        return {}
    headings = (column.heading for column in report_type.columns if column.name == totals.amounts[0])
    return {shorten(each.in_language(stored_in), MAX_CHARACTERS): each.in_language(language) for each in headings}
