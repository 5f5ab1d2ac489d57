"""Parts of a split report: the summary and the rows of each key are those of a report that selects only this key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from infra.servers.postgres import PostgresServer
from resma.catalog import ReportType, SortKey
from resma.catalog.model import SplitSpec
from resma.report.rows import Row
from resma.report.summary import Summary
from resma.snapshot import cursor
from resma.snapshot.report_query import restricted
from resma.snapshot.snapshot import Snapshot, open_snapshot
from resma.snapshot.split import slices
from resma.snapshot.split.key_range import Cells

_TEXTS = [
    "",
    "a",
    "A",
    "á",
    "O'Brien",
    "100 %",
    "%s",
    "😀",
    " a ",
    "line\nbreak",
    "\\",
    '"',
    "x" * 200,
    "x" * 199 + "y",
]
KEYS: dict[str, tuple[str, list[Any]]] = {
    "text": ("text", [None, *_TEXTS]),
    "text of the C locale": ('text COLLATE "C"', [None, *_TEXTS]),
    "integer": ("integer", [None, -5, 0, 7, 2**31 - 1]),
    "date": ("date", [None, "-infinity", "0044-03-15 BC", "2024-02-29", "infinity"]),
    "timestamptz": ("timestamptz", ["2024-10-27 00:30:00+00", "2024-10-27 01:30:00+00", None]),
    "numeric": ("numeric", [None, "NaN", "0.10", "1e30", "-1"]),
    "boolean": ("boolean", [None, True, False]),
    "char": ("char(5)", [None, "a", "ab   "]),
    "uuid": ("uuid", ["00000000-0000-0000-0000-000000000001", "ffffffff-0000-0000-0000-000000000001"]),
    "bigint": ("bigint", [2**60, 2**60 + 1]),
}
KINDS = {"integer": "integer", "bigint": "integer", "date": "date", "timestamptz": "timestamp"}
COLUMNS = {
    "a": "text",
    "b": "text",
    "at": "timestamp",
    "id": "integer",
    "category": "text",
    "currency": "text",
    "amount": "amount",
    "balance": "amount",
}
MORE: dict[str, Any] = {
    "totals": {"amounts": ["amount", "id"], "currency": "currency"},
    "period": "at",
    "subtotals": "month",
    "balance": {"column": "balance", "amount": "amount"},
    "charts": [
        {"title": "Chart", "kind": kind, "by": by, "unit": unit}
        for kind, by, unit in (("bars", "category", "amount"), ("share", "a", "rows"), ("time", "at", "amount"))
    ],
}


@pytest.fixture
def connection(postgres: PostgresServer) -> Iterator[Connection[TupleRow]]:
    with psycopg.connect(postgres.url, client_encoding="UTF8") as connection:
        yield connection


def literals(values: Sequence[Any], type_: str) -> str:
    """Returns SQL for an array of values."""
    base = type_.partition(" COLLATE")[0]
    return f"ARRAY[{', '.join(sql.Literal(value).as_string() for value in values)}]::text[]::{base}[]"


def make_query(a: str, b: str, rows: int = 1200) -> str:
    """Returns a query of rows with the keys of two types. The last third of the rows has the same key."""
    (a_type, a_values), (b_type, b_values) = KEYS[a], KEYS[b]
    cells = ", ".join(
        f"(({literals(values, type_)})[CASE WHEN i > {rows} * 2 / 3 THEN 2 ELSE 1 + i * {factor} % {len(values)} END])"
        f"{type_[len(type_.partition(' COLLATE')[0]) :]} AS {name}"
        for name, type_, values, factor in (("a", a_type, a_values, 7), ("b", b_type, b_values, 11))
    )
    return f"""SELECT *, sum(amount) OVER (PARTITION BY a, b ORDER BY at, id) AS balance FROM (
        SELECT {cells}, timestamptz '2024-01-01' + i * interval '17 hours' AS at, i AS id,
               CASE WHEN i % 11 > 0 THEN 'category ' || i * i % 61 || repeat('é', i % 9) END AS category,
               'C' || i * 7 % 23 % 5 AS currency, round(((i * 7919 % 1009) - 400) / 100.0 * i, i % 4) AS amount
        FROM generate_series(1, {rows}) AS i) AS q""".replace("%", "%%")


def make_type(query: str, sort: Sequence[str], changes: dict[str, Any] | None = None, **more: Any) -> ReportType:
    """Returns a report type that is split by the columns before `at` in `sort`."""
    by = [name.removeprefix("-") for name in sort]
    by = by[: by.index("at")] if "at" in by else by[:1]
    columns = [
        {"name": name, "heading": name, "kind": kind} | (changes or {}).get(name, {}) for name, kind in COLUMNS.items()
    ]
    filters = [{"name": name, "kind": "text", "required": True, "personal": True} for name in by]
    conditions = " AND ".join(f"(%({name})s::text IS NULL OR {name}::text = %({name})s)" for name in by)
    described = {"type": "T", "title": "T", "file_name": "t", "sort": ["at", "id"], "tenants": "none"}
    query = f"SELECT * FROM ({query}) AS filtered WHERE {conditions}"
    report_type = ReportType.model_validate(
        {"columns": columns, "filters": filters, "query": query, **described, **more}
    )
    keys = tuple(SortKey.model_validate(name) for name in sort)
    return report_type.model_copy(update={"sort": keys, "split": SplitSpec(by=tuple(by))})


def one_key(report_type: ReportType, key: Cells, types: Sequence[str]) -> ReportType:
    """Returns the report type with the rows of one key only."""
    texts = [sql.Literal(None if cell is None else cell.decode().replace("%", "%%")).as_string() for cell in key]
    conditions = [
        f"{spec.name} IS NOT DISTINCT FROM {text}::{type_}"
        for spec, text, type_ in zip(report_type.sort, texts, types, strict=False)
    ]
    return restricted(report_type, sql.SQL(" AND ".join(conditions)))


def single(
    connection: Connection[TupleRow], report_type: ReportType, columns: Sequence[str], *, masked: bool = False
) -> tuple[Summary, list[Row]]:
    """Returns the summary and the rows of a report that is not split."""
    with open_snapshot(connection, report_type, "demo", {}) as snapshot:
        summary = snapshot.summarize()
        return summary, [row for batch in snapshot.batches(columns, personal_masked=masked) for row in batch.rows]


def bounds(snapshot: Snapshot, split_by: Sequence[str]) -> tuple[Cells, Cells]:
    """Returns the first and the last key."""
    shards = snapshot.plan_shards(split_by, max_shards=1).shards
    return shards[0].first_key, shards[-1].last_key


CASES = [
    ("text", "integer", ["a", "at", "id"]),
    ("text", "integer", ["-a", "at", "id"]),
    ("text of the C locale", "text", ["a", "-at", "id"]),
    ("integer", "text", ["a", "at", "id"]),
    ("date", "text", ["-a", "-at", "id"]),
    ("timestamptz", "integer", ["a", "at", "id"]),
    ("char", "text", ["a", "at", "id"]),
    ("bigint", "text", ["a", "at", "id"]),
    ("uuid", "boolean", ["a", "-b", "at", "id"]),
    ("text", "numeric", ["a", "-b", "at", "id"]),
    ("integer", "text", ["-a", "b", "-at", "id"]),
    ("boolean", "char", ["b", "-a", "at", "id"]),
]


@pytest.mark.parametrize(("a", "b", "sort"), CASES)
@pytest.mark.parametrize("fetch", [7, 2000])
def test_a_part_is_the_report_of_its_key(
    connection: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch, a: str, b: str, sort: list[str], fetch: int
) -> None:
    monkeypatch.setattr(slices, "SLICE_GROUPS", fetch)
    monkeypatch.setattr(cursor, "BATCH_ROWS", fetch)
    changes = {"a": {"kind": KINDS.get(a, "text"), "hidden": a == "char"}, "b": {"kind": KINDS.get(b, "text")}}
    report_type = make_type(make_query(a, b), sort, changes, **MORE)
    split_by, types = list(report_type.split.by if report_type.split else ()), {"a": KEYS[a][0], "b": KEYS[b][0]}
    columns = ["id", "b", "amount", "category"]
    with open_snapshot(connection, report_type, "demo", {}) as snapshot:
        parts = [
            (part.number, part.key, part.summary, [row for batch in part.batches for row in batch.rows])
            for part in snapshot.parts(split_by, *bounds(snapshot, split_by), columns, personal_masked=False)
        ]
        assert snapshot.count_keys(split_by) == len(parts) == len({key for _, key, _, _ in parts})
    assert [number for number, *_ in parts] == list(range(1, len(parts) + 1))
    for _, key, summary, rows in parts:
        type_names = [types[name].partition(" COLLATE")[0].replace("char(5)", "bpchar") for name in split_by]
        expected, expected_rows = single(connection, one_key(report_type, key, type_names), columns)
        assert rows == expected_rows
        assert repr(summary) == repr(replace(expected, as_of=summary.as_of, checksum=""))
    whole, whole_rows = single(connection, report_type, columns)
    assert [row for *_, rows in parts for row in rows] == whole_rows
    assert sum(summary.rows for _, _, summary, _ in parts) == whole.rows
