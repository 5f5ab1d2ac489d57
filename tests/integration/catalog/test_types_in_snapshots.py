"""Keys, totals, charts and masks of columns of all types of Postgres."""

from __future__ import annotations

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.report.header import Kind
from resma.snapshot.snapshot import open_snapshot
from tests.support.all_types import SCHEMA
from tests.support.typed_reports import ZONE, describe, make_report, make_type, read

SORT_KEYS = {
    "whole_numbers": "a",
    "limited_numerics": "a",
    "infinite_numerics": "a",
    "cash": "a",
    "reals": "a",
    "doubles": "a",
    "booleans": "a",
    "strings": "c",
    "names": "b",
    "bytes": "a",
    "odd_days": "a",
    "local_timestamps": "a",
    "odd_local_timestamps": "a",
    "odd_instants": "a",
    "times": "b",
    "end_of_day": "a",
    "infinite_intervals": "a",
    "intervals": "a",
    "uuids": "a",
    "moods": "a",
    "networks": "b",
    "bits": "a",
    "ranges": "a",
    "identifiers": "c",
    "odd_names": "growth %",
}
"""Columns to sort by, with most of the types that have an order."""


@pytest.mark.parametrize("descending", [False, True], ids=["ascending", "descending"])
@pytest.mark.parametrize("table", SORT_KEYS)
def test_reading_resumes_after_every_row(all_types: Connection[TupleRow], table: str, *, descending: bool) -> None:
    name = SORT_KEYS[table]
    query = f"SELECT * FROM {SCHEMA}.{table}"
    kinds = {column.name: column.kind for column in describe(all_types, query)}
    report_type = make_type(query, kinds, sort=[f"-{name}" if descending else name, "id"])
    with open_snapshot(all_types, report_type, "demo", {}, ZONE) as snapshot:
        rows = read(snapshot, ["id"])
    with open_snapshot(all_types, report_type, "demo", {}, ZONE) as snapshot:
        keys = read(snapshot, [name, "id"])
    for index, key in enumerate(keys):
        with open_snapshot(all_types, report_type, "demo", {}, ZONE) as snapshot:
            assert read(snapshot, ["id"], key) == rows[index + 1 :]


@pytest.mark.parametrize(
    ("type_", "scale", "printed", "parquet"),
    [
        ("real", None, "0.1", "DECIMAL(38, 9)"),
        ("real", 2, "0.10", "DECIMAL(38, 2)"),
        ("double precision", 2, "0.10", "DECIMAL(38, 2)"),
        ("money", None, "0.10", "DECIMAL(19, 2)"),
        ("money", 4, "0.1000", "DECIMAL(21, 4)"),
        ("numeric", None, "0.1", "DECIMAL(38, 9)"),
        ("numeric", 2, "0.10", "DECIMAL(38, 2)"),
        ("numeric(6, 1)", None, "0.1", "DECIMAL(6, 1)"),
        ("numeric(6, 1)", 3, "0.100", "DECIMAL(8, 3)"),
        ("smallint", None, "0", "DECIMAL(5, 0)"),
        ("bigint", 2, "0.00", "DECIMAL(21, 2)"),
    ],
)
def test_amounts_of_every_number(
    all_types: Connection[TupleRow], type_: str, scale: int | None, printed: str, parquet: str
) -> None:
    query = f"SELECT 1 AS id, 0.1::{type_} AS a"
    kinds: dict[str, Kind] = {"id": "integer", "a": "amount"}
    report_type = make_type(query, kinds, {} if scale is None else {"scale": scale}, totals={"amounts": ["a"]})
    report = make_report(all_types, report_type)
    assert report.rows == [(b"1", printed.encode())]
    assert str(report.header.columns[1].decimal) == parquet
    assert str(report.header.totals[0].amounts[0]) == printed


def test_floats_are_added_up_exactly(all_types: Connection[TupleRow]) -> None:
    query = "SELECT i AS id, x AS ratio FROM unnest('{0.1,0.2,1e20,-1e20}'::float8[]) WITH ORDINALITY AS t (x, i)"
    kinds: dict[str, Kind] = {"id": "integer", "ratio": "float"}
    report = make_report(all_types, make_type(query, kinds, totals={"amounts": ["ratio"]}))
    assert str(report.header.totals[0].amounts[0]) == "0.3"
    assert [row[1] for row in report.rows] == [b"0.1", b"0.2", b"1e+20", b"-1e+20"]


CHART_TABLES = ["booleans", "reals", "uuids", "documents", "shapes", "moods", "bytes", "intervals", "addresses"]


@pytest.mark.parametrize("table", CHART_TABLES)
def test_charts_by_every_kind(all_types: Connection[TupleRow], table: str) -> None:
    query = f"SELECT * FROM {SCHEMA}.{table}"
    kinds = {column.name: column.kind for column in describe(all_types, query)}
    chart = {"title": "By a", "kind": "bars", "by": "a", "unit": "rows"}
    report = make_report(all_types, make_type(query, kinds, charts=[chart]))
    labels = set(report.header.charts[0].labels)
    expected = {"true": "Sim", "false": "Não"}
    printed = {"–" if row[1] is None else expected.get(row[1].decode(), row[1].decode()) for row in report.rows}
    assert labels == printed


def test_charts_over_time_by_local_timestamps_are_not_shifted(all_types: Connection[TupleRow]) -> None:
    query = "SELECT 1 AS id, timestamp '2024-03-01 00:00' AS at"
    kinds: dict[str, Kind] = {"id": "integer", "at": "local_timestamp"}
    chart = {"title": "By month", "kind": "time", "by": "at", "unit": "rows"}
    report = make_report(all_types, make_type(query, kinds, charts=[chart], period="at", sort=["at", "id"]))
    assert report.header.charts[0].labels == ("2024-03",)
    assert [period.label for period in report.header.periods] == ["2024-03"]


@pytest.mark.parametrize("table", ["addresses", "networks", "documents", "arrays"])
def test_personal_values_of_every_type_are_masked(all_types: Connection[TupleRow], table: str) -> None:
    query = f"SELECT id, a FROM {SCHEMA}.{table}"
    (_, column) = describe(all_types, query)
    report_type = make_type(query, {"id": "integer", "a": column.kind}, {"personal": True})
    with open_snapshot(all_types, report_type, "demo", {}, ZONE) as snapshot:
        rows = read(snapshot, ["id", "a"])
    with open_snapshot(all_types, report_type, "demo", {}, ZONE) as snapshot:
        masked = read(snapshot, ["id", "a"], masked=True)
    mask = b'"****"' if column.kind == "json" else b"****"
    assert [row[1] for row in masked] == [None if row[1] is None else mask for row in rows]


def test_an_index_returns_rows_in_the_order_of_a_report_with_conversions(all_types: Connection[TupleRow]) -> None:
    query = f"SELECT * FROM {SCHEMA}.arrays"
    report_type = make_type(query, {column.name: column.kind for column in describe(all_types, query)})
    with open_snapshot(all_types, report_type, "demo", {}, ZONE) as snapshot:
        read(snapshot, ["id"])
        all_types.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        converted = snapshot._type.query
        assert "to_json" in converted
        plan = all_types.execute(f"EXPLAIN SELECT * FROM ({converted}) AS r ORDER BY id".encode()).fetchall()
    assert "Index Scan" in str(plan[0][0])
