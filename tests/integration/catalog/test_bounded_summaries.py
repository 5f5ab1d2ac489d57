"""Summaries of any number of groups: the client gets the largest groups, and the sum and number of the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from infra.servers.postgres import PostgresServer
from resma.errors import RowTooWideError, SourceChangedError
from resma.report.summary import Summary
from resma.snapshot import summary_query
from resma.snapshot.row_width import MAX_ROW_BYTES
from resma.snapshot.snapshot import Snapshot, open_snapshot
from tests.support.peak_of_report import PeakCase

TITLE = {"en": "x", "pt": "x"}
COLUMNS = {"id": "integer", "at": "timestamp", "category": "text", "currency": "text", "amount": "amount"}
MORE: dict[str, Any] = {
    "totals": {"amounts": ["amount"], "currency": "currency"},
    "period": "at",
    "subtotals": "day",
    "watermark": "at",
    "charts": [
        {"title": TITLE, "kind": "bars", "by": "category", "unit": "amount"},
        {"title": TITLE, "kind": "bars", "by": "category", "unit": "rows"},
        {"title": TITLE, "kind": "time", "by": "at", "unit": "amount"},
    ],
}
QUERY = """
    SELECT i AS id, timestamptz '2024-01-01' + i / 40 * interval '1 day' AS at,
           CASE WHEN i % 11 > 0 THEN 'category ' || i * i % 211 END AS category, 'C' || i * 7 % 23 % 19 AS currency,
           ((i * 7919 % 1009) - 400) / 100.0 * i AS amount
    FROM generate_series(1, 5000) AS i"""


@pytest.fixture
def connection(postgres: PostgresServer) -> Iterator[Connection[TupleRow]]:
    with psycopg.connect(postgres.url, client_encoding="UTF8") as connection:
        yield connection


def summarize(connection: Connection[TupleRow], query: str = QUERY) -> Summary:
    report_type = PeakCase(query=query, columns=COLUMNS, formats=[], sort=["at", "id"], more=MORE).report_type()
    with open_snapshot(connection, report_type, "demo", {}) as snapshot:
        return snapshot.summarize()


def rows(connection: Connection[TupleRow]) -> list[tuple[Any, ...]]:
    return connection.execute(f"SELECT at, coalesce(category, '–'), currency, amount FROM ({QUERY}) AS q").fetchall()


def test_totals_beyond_the_limit_are_counted(connection: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = summarize(connection)
    monkeypatch.setattr(summary_query, "MAX_TOTALS", 5)
    cut = summarize(connection)
    sums: Counter[str] = Counter()
    for _, _, currency, amount in rows(connection):
        sums[currency] += amount
    assert {total.currency: total.amounts[0] for total in whole.totals} == sums
    assert (cut.totals, cut.totals_omitted, cut.rows) == (whole.totals[:5], 14, 5000)


@pytest.mark.parametrize("labels", [3, 40])
def test_bars_show_the_largest_amounts_and_the_sum_of_the_others(
    connection: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch, labels: int
) -> None:
    monkeypatch.setattr(summary_query, "MAX_LABELS", labels)
    monkeypatch.setattr(summary_query, "MAX_SERIES", 4)
    chart = summarize(connection).charts[0]
    sums: dict[str, Counter[str]] = {}
    counted: Counter[str] = Counter()
    for _, category, currency, amount in rows(connection):
        sums.setdefault(currency, Counter())[category] += amount
        counted[currency] += 1
    assert [series.name for series in chart.series] == sorted(counted, key=lambda name: (-counted[name], name))[:4]
    assert chart.series_omitted == len(counted) - 4
    everywhere = {label for series in chart.series for label in sums[series.name]}
    assert chart.labels_omitted == len(everywhere - set(chart.labels))
    for series in chart.series:
        mine = sums[series.name]
        largest = sorted(mine, key=lambda label: -abs(mine[label]))[:labels]
        assert set(largest) <= set(chart.labels)
        assert dict(zip(chart.labels, series.values, strict=True)) == {label: mine[label] for label in chart.labels}
        assert series.other == sum(mine.values()) - sum(series.values)


def test_bars_by_rows_show_the_most_frequent(connection: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary_query, "MAX_LABELS", 7)
    chart = summarize(connection).charts[1]
    counted = Counter(category for _, category, _, _ in rows(connection))
    (series,) = chart.series
    assert len(chart.labels) == 7
    assert [int(value) for value in series.values] == sorted(counted.values(), reverse=True)[:7]
    assert (chart.labels_omitted, series.other) == (len(counted) - 7, 5000 - sum(series.values))


def test_months_beyond_the_limit_are_combined_in_the_first_value(
    connection: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = summarize(connection).charts[2]
    monkeypatch.setattr(summary_query, "MAX_MONTHS", 2)
    cut = summarize(connection).charts[2]
    assert cut.labels == (f"Other ({len(whole.labels) - 2})", *whole.labels[-2:])
    for before, after in zip(whole.series, cut.series, strict=True):
        assert after.values == (sum(before.values[:-2]), *before.values[-2:])


def test_periods_count_the_currencies_that_they_omit(
    connection: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = summarize(connection).periods
    monkeypatch.setattr(summary_query, "MAX_SUBTOTALS", 4 * len(whole) + 1)
    cut = summarize(connection).periods
    assert [(each.label, each.rows) for each in cut] == [(each.label, each.rows) for each in whole]
    assert all(after.totals == before.totals[:4] for before, after in zip(whole, cut, strict=True))
    assert all(
        len(each.totals) + each.totals_omitted == len(before.totals) for before, each in zip(whole, cut, strict=True)
    )
    assert sum(each.rows for each in cut) == 5000


def test_a_change_in_an_omitted_group_is_detected(
    connection: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two small categories swap an amount, which changes no total, no period, and no visible part of a chart."""
    monkeypatch.setattr(summary_query, "MAX_LABELS", 2)
    query = (
        "SELECT i AS id, timestamptz '2024-01-01' AS at, 'category ' || i AS category, 'EUR' AS currency,"
        " CASE WHEN i > 5 THEN {small} ELSE 1000 * i END::numeric AS amount FROM generate_series(1, 20) AS i"
    )
    one, other = (query.format(small=small) for small in ("i", "CASE i WHEN 7 THEN 8 WHEN 8 THEN 7 ELSE i END"))
    before = summarize(connection, one)
    report_type = PeakCase(query=other, columns=COLUMNS, formats=[], sort=["at", "id"], more=MORE).report_type()
    with open_snapshot(connection, report_type, "demo", {}) as snapshot:
        now = snapshot.summarize()
        assert (now.totals, now.charts, now.periods) == (before.totals, before.charts, before.periods)
        with pytest.raises(SourceChangedError):
            snapshot.resume_from(before)
    with open_snapshot(connection, report_type.model_copy(update={"query": report_type.query}), "demo", {}) as snapshot:
        snapshot.resume_from(snapshot.summarize())


def _wide(connection: Connection[TupleRow], cells: str, *, masked: bool = False) -> Any:
    columns = {"id": "integer", "one": "text", "two": "text"}
    query = f"SELECT i AS id, {cells} FROM generate_series(1, 200) AS i"
    report_type = PeakCase(query=query, columns=columns, formats=[], sort=["id"]).report_type()
    if masked:
        spec = report_type.columns[1].model_copy(update={"personal": True})
        report_type = report_type.model_copy(update={"columns": (report_type.columns[0], spec, report_type.columns[2])})
    with open_snapshot(connection, report_type, "demo", {}) as snapshot:
        return sum(map(len, Snapshot.batches(snapshot, ["id", "one", "two"], personal_masked=masked)))


def test_a_row_that_is_too_wide_is_named_with_its_longest_column(connection: Connection[TupleRow]) -> None:
    half = MAX_ROW_BYTES // 2
    cells = f"repeat('x', {half + 9}) AS one, repeat('y', CASE i WHEN 77 THEN {half + 8} ELSE 1 END) AS two"
    with pytest.raises(RowTooWideError) as caught:
        _wide(connection, cells)
    assert (caught.value.row, caught.value.column) == (77, "one")
    assert "Row 77" in str(caught.value)
    assert "column one" in str(caught.value)


def test_wide_cells_in_different_rows_are_allowed(connection: Connection[TupleRow]) -> None:
    wide = MAX_ROW_BYTES - 100
    cells = ", ".join(
        f"CASE i WHEN {row} THEN repeat('x', {wide}) END AS {name}" for row, name in ((7, "one"), (9, "two"))
    )
    assert _wide(connection, cells) == 200


def test_a_masked_cell_is_as_wide_as_its_mask(connection: Connection[TupleRow]) -> None:
    assert _wide(connection, f"repeat('x', {MAX_ROW_BYTES * 2}) AS one, 'y' AS two", masked=True) == 200


def test_an_amount_is_summed_exactly(connection: Connection[TupleRow]) -> None:
    summary = summarize(connection)
    assert sum((total.amounts[0] for total in summary.totals), Decimal(0)) == sum(
        amount for *_, amount in rows(connection)
    )


def test_charts_over_time_support_every_date_of_postgres(connection: Connection[TupleRow]) -> None:
    """Years with five digits, years BC, infinity and NULL: each row is counted, in its own year."""
    query = (
        "SELECT i AS id, at::timestamp AS at, 'c' AS category, 'EUR' AS currency, 10 ^ i::numeric AS amount"
        " FROM unnest(ARRAY['0044-03-15 BC', '0044-03-15', '2024-03-15', '12024-03-15', '-infinity', 'infinity', NULL])"
        " WITH ORDINALITY AS q (at, i)"
    )
    chart = summarize(connection, query).charts[2]
    months = ["-infinity", "0044-03 BC", "0044-03", "2024-03", "12024-03", "infinity", "–"]
    (series,) = chart.series
    assert dict(zip(chart.labels, series.values, strict=True)) == dict(
        zip(months, [10**i for i in (5, 1, 2, 3, 4, 6, 7)], strict=True)
    )
    assert list(chart.labels) == months
