"""Summary of a snapshot, before its first row is read: counts, totals, charts and periods, aggregated by the database.

The query is in `summary_query.py`, with limits that keep the result small whatever the rows contain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.catalog import ChartSpec, ReportType, Totals
from resma.i18n.locales import Language
from resma.i18n.translations import translate
from resma.report.chart_months import all_months, month_label
from resma.report.exact_decimals import exact_sum
from resma.report.header import Balance, Chart, Kind, Period, Series, Total
from resma.report.summary import Summary
from resma.snapshot.balance import find_balance
from resma.snapshot.report_query import column_of, is_latest_first
from resma.snapshot.summary_cube import maxima
from resma.snapshot.summary_query import MAX_CHARACTERS, UNITS, summary_query

_NO_LABEL = "–"


@dataclass(frozen=True, slots=True)
class Group:
    """A row of the summary query. Fields that its kind does not use are None."""

    k: int
    """Number of the key, from 1; 0 if the report is not split."""
    kind: Literal["all", "total", "chart", "other", "others", "period", "balance"]
    chart: int
    """Index of the chart, or -1."""
    label: str | None
    """For a balance, the opening balance."""
    currency: str | None
    """For a balance, the closing balance."""
    rows: int | None
    amount: Decimal | None
    amounts: list[Decimal | None] | None
    """For a total and a period, the sums of all amounts. For `all`, the maxima (summary_cube.py)."""
    unit: str | None
    groups: int | None
    """Total number of groups, if not all are returned: currencies of a total, period or chart, labels of `others`."""
    all_rows: int | None
    """For a period, its rows in all currencies. For a chart, the rank of the series."""
    key: list[str | None] | None
    """For `all` of a split report, the cells of the key."""

    @property
    def size(self) -> int:
        return self.rows or 0


def summarize(
    connection: Connection[TupleRow], report_type: ReportType, values: Mapping[str, Any], language: Language
) -> Summary:
    """Returns the summary of the report type's query in the open transaction. It needs a bounded amount of memory."""
    row = connection.execute("SELECT now()").fetchone()
    assert row is not None
    # The planner cannot estimate how many groups `date_trunc` returns. It assumes as many as rows, and would sort all
    # rows on disk, which takes three times as long as hashing.
    connection.execute("SET LOCAL enable_sort = off")
    groups = [Group(*record) for record in connection.execute(summary_query(report_type), values)]
    connection.execute("SET LOCAL enable_sort TO DEFAULT")
    balance = find_balance(connection, report_type, values)
    return SummaryComposer(report_type, language).compose(groups, row[0], balance)


class SummaryComposer:
    """Composes summaries, of a report or of the keys of a split report, from the groups of the summary query."""

    def __init__(self, report_type: ReportType, language: Language) -> None:
        self._type = report_type
        self._language = language
        self._maxima = [(name.partition("_")[0], column) for name, column, _ in maxima(report_type)]

    def compose(self, groups: Sequence[Group], as_of: datetime, balance: Balance | None) -> Summary:
        """Returns the summary of these groups, which are in the order of the query."""
        everything = next((group for group in groups if group.kind == "all"), None)
        totals, totals_omitted = _totals(self._type, [group for group in groups if group.kind == "total"])
        checksum = f"{everything.groups} {everything.amount}" if everything and everything.amount is not None else ""
        return Summary(
            as_of=as_of,
            rows=everything.size if everything else 0,
            totals=totals,
            totals_omitted=totals_omitted,
            charts=tuple(
                _chart(self._type, spec, [group for group in groups if group.chart == index], self._language)
                for index, spec in enumerate(self._type.charts)
            ),
            periods=_periods(self._type, [group for group in groups if group.kind == "period"]),
            balance=balance,
            scales=self._largest(everything, "scale"),
            widths=self._largest(everything, "bytes"),
            checksum=checksum,
        )

    def _largest(self, everything: Group | None, kind: str) -> dict[str, int]:
        """Returns maxima by column name: of `scale` or `bytes`."""
        values = (everything.amounts if everything else None) or [None] * len(self._maxima)
        pairs = zip(self._maxima, values, strict=True)
        return {column: int(value or 0) for (each, column), value in pairs if each == kind}


def _totals(report_type: ReportType, groups: Sequence[Group]) -> tuple[tuple[Total, ...], int]:
    """Returns the totals, and the number of totals that the query omitted."""
    if report_type.totals is None or not groups:
        return (), 0
    return tuple(_total(report_type.totals, group) for group in groups), (groups[0].groups or 0) - len(groups)


def _total(spec: Totals, group: Group) -> Total:
    currency = None if spec.currency is None else _shortened(group.currency or "")
    # `0.00` keeps its decimals.
    amounts = tuple(Decimal(0) if amount is None else amount for amount in group.amounts or ())
    return Total(currency, group.size, amounts)


def _periods(report_type: ReportType, groups: Sequence[Group]) -> tuple[Period, ...]:
    by_label: dict[str | None, list[Group]] = {}
    for group in groups:
        by_label.setdefault(_period_label(group), []).append(group)
    totals = report_type.totals
    # The query returns periods in ascending order, with NULL last.
    labels = reversed(by_label) if is_latest_first(report_type) else iter(by_label)
    periods = ((label, by_label[label]) for label in labels)
    return tuple(
        Period(
            label,
            parts[0].all_rows or 0,
            tuple(_total(totals, part) for part in parts) if totals else (),
            (parts[0].groups or 0) - len(parts) if totals else 0,
        )
        for label, parts in periods
    )


def _period_label(group: Group) -> str | None:
    """Returns a label such as `2024-03`. Infinity, years BC and years of more than four digits are not shortened."""
    if group.label is None or not re.match(r"\d{4}-\d\d-\d\d [0-9:]+$", group.label):
        return group.label
    return group.label[: UNITS[group.unit or "day"]]


def _chart(report_type: ReportType, spec: ChartSpec, groups: Sequence[Group], language: Language) -> Chart:
    """Returns a chart of the largest series and labels. `other` of a series is the sum of its other labels."""
    title, kind = spec.title.in_language(language), column_of(report_type, spec.by).kind
    name = _series_name(report_type, spec, language)
    labels: dict[str, None] = {}
    names: dict[int, str] = {}
    values: dict[tuple[int, str], Decimal] = {}
    others: dict[int, Decimal] = {}
    for group in groups:
        series = group.all_rows or 0
        value = (group.amount or Decimal(0)) if spec.unit == "amount" else Decimal(group.size)
        if group.kind in {"chart", "other"}:
            names[series] = _shortened(group.currency or "") if name is None else name
        if group.kind == "chart":
            label = _shown_label(spec, kind, group.label, language)
            labels[label] = None
            values[series, label] = exact_sum([values.get((series, label), Decimal(0)), value])
        elif group.kind == "other":
            others[series] = value
    omitted = next((group.groups or 0 for group in groups if group.kind == "others"), 0)
    shown = all_months(labels) if spec.kind == "time" else list(labels)
    all_series = next((group.groups or 0 for group in groups if group.kind == "chart"), 0)
    chart = Chart(
        title,
        spec.kind,
        spec.unit,
        tuple(shown),
        tuple(
            Series(
                names[series],
                tuple(values.get((series, label), Decimal(0)) for label in shown),
                others.get(series, Decimal(0)),
            )
            for series in sorted(names)
        ),
        labels_omitted=omitted,
        series_omitted=all_series - len(names),
    )
    return _with_earlier(chart, language) if spec.kind == "time" else chart


def _series_name(report_type: ReportType, spec: ChartSpec, language: Language) -> str | None:
    """Returns the name of the only series of a chart; None if each series is named after its currency."""
    if spec.unit == "rows" or report_type.totals is None:
        return spec.title.in_language(language)
    if report_type.totals.currency is not None:
        return None
    return column_of(report_type, report_type.totals.amounts[0]).heading.in_language(language)


def _with_earlier(chart: Chart, language: Language) -> Chart:
    """Returns a chart over time in which the months before the first one are combined to an additional value."""
    if not chart.labels_omitted:
        return chart
    label = f"{translate('Other', language)} ({chart.labels_omitted})"
    series = tuple(Series(each.name, (each.other, *each.values)) for each in chart.series)
    return Chart(chart.title, chart.kind, chart.unit, (label, *chart.labels), series, 0, chart.series_omitted)


def _shown_label(spec: ChartSpec, kind: Kind, label: str | None, language: Language) -> str:
    if label is None:
        return _NO_LABEL
    if kind == "boolean":
        return translate("Yes" if label == "true" else "No", language)
    return month_label(label) if spec.kind == "time" else _shortened(label)


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 1]}…"
