"""Parts of a split report: the summary and the rows of each key are those of a report that selects only this key."""

from __future__ import annotations

import random
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
from resma.errors import KeysInconsistentError, RowTooWideError
from resma.report.rows import Row
from resma.report.summary import Summary
from resma.snapshot import cursor
from resma.snapshot.report_query import restricted
from resma.snapshot.row_width import MAX_ROW_BYTES
from resma.snapshot.snapshot import Snapshot, open_snapshot
from resma.snapshot.split import shard_plan, slices
from resma.snapshot.split.key_range import Cells
from resma.snapshot.split.shard_plan import ShardDigest, ShardPlan

Read = list[tuple[int, Cells, list[bytes | None]]]

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


def split_columns(report_type: ReportType) -> list[str]:
    """Returns the names of the columns that the report is split by."""
    return list(report_type.split.by if report_type.split else ())


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
    split_by, types = split_columns(report_type), {"a": KEYS[a][0], "b": KEYS[b][0]}
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


def read(
    snapshot: Snapshot,
    split_by: Sequence[str],
    first: Cells,
    last: Cells,
    after: Cells | None = None,
    *,
    column: str = "id",
    first_number: int = 1,
) -> Read:
    """Returns the number and the key of each part of a range, and the cells of a column."""
    parts = snapshot.parts(split_by, first, last, [column], after, personal_masked=False, first_number=first_number)
    return [(part.number, part.key, [row[0] for batch in part.batches for row in batch.rows]) for part in parts]


@pytest.mark.parametrize(("a", "b", "sort"), [case for case in CASES if len(case[2]) != 3] + CASES[:3] + CASES[4:5])
def test_any_range_of_keys_is_read_in_the_order_of_the_report(
    connection: Connection[TupleRow], a: str, b: str, sort: list[str]
) -> None:
    """Every part of the order is selected by its bounds, with NULLs at each end."""
    report_type = make_type(make_query(a, b, 300), sort)
    split_by = split_columns(report_type)
    with open_snapshot(connection, report_type, "demo", {}) as snapshot:
        whole = read(snapshot, split_by, *bounds(snapshot, split_by))
        keys = [key for _, key, _ in whole]
        content = [(key, ids) for _, key, ids in whole]
        pairs = [(start, end) for start in range(len(keys)) for end in range(start, len(keys))]
        for start, end in random.Random(15).sample(pairs, min(25, len(pairs))):
            found = read(snapshot, split_by, keys[start], keys[end])
            assert [(key, ids) for _, key, ids in found] == content[start : end + 1]
            middle = (start + end) // 2
            found = read(snapshot, split_by, keys[start], keys[end], keys[middle])
            assert [(key, ids) for _, key, ids in found] == content[middle + 1 : end + 1]
            digest = snapshot.digest_of(split_by, keys[start], keys[end])
            assert (digest.keys, digest.rows) == (end + 1 - start, sum(len(ids) for _, ids in content[start : end + 1]))


@pytest.mark.parametrize(("max_shards", "cost"), [(1, 1), (5, 1), (64, 1), (64, 300), (3, 25_000)])
def test_shards_contain_all_keys_once_in_order(
    connection: Connection[TupleRow], max_shards: int, cost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_plan, "KEY_COST", 20)
    report_type = make_type(make_query("text", "integer"), ["-a", "b", "at", "id"])
    with open_snapshot(connection, report_type, "demo", {}) as snapshot:
        plan = snapshot.plan_shards(["a", "b"], max_shards, cost)
        whole = read(snapshot, ["a", "b"], *bounds(snapshot, ["a", "b"]))
        assert plan.keys == len(whole)
        assert len(plan.shards) <= max_shards
        at = 0
        for shard in plan.shards:
            expected = whole[at : at + shard.keys]
            assert (shard.first_number, shard.first_key, shard.last_key) == (at + 1, expected[0][1], expected[-1][1])
            assert shard.rows == sum(len(ids) for *_, ids in expected)
            digest = snapshot.digest_of(["a", "b"], shard.first_key, shard.last_key)
            assert digest == ShardDigest(shard.keys, shard.rows, shard.digest)
            at += shard.keys
        assert at == len(whole)
        assert {shard.keys for shard in plan.shards if shard.rows >= 400} == {1} or max_shards < 5


def test_a_large_key_is_a_shard_of_its_own_and_the_others_are_of_similar_size(
    connection: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_plan, "KEY_COST", 20)
    query = (
        "SELECT CASE WHEN i <= 30000 THEN 'k5000' ELSE 'k' || 1000 + i % 9000 END AS a, NULL AS b, now() AS at,"
        " i AS id, 'x' AS category, 'EUR' AS currency, 1.5 AS amount, 0.0 AS balance"
        " FROM generate_series(1, 39000) AS i"
    ).replace("%", "%%")
    report_type = make_type(query, ["a", "at", "id"])
    with open_snapshot(connection, report_type, "demo", {}) as snapshot:
        shards = snapshot.plan_shards(["a"], 16, 1000).shards
    (large,) = [shard for shard in shards if shard.rows > 20_000]
    assert (large.keys, large.first_key, large.last_key, large.rows) == (1, (b"k5000",), (b"k5000",), 30_001)
    costs = [shard.rows + 20 * shard.keys for shard in shards if shard is not large]
    assert 10 < len(shards) <= 16
    assert max(costs) < 1.2 * sum(costs) / (len(costs) - 2)


def test_no_rows_are_no_shards(connection: Connection[TupleRow]) -> None:
    report_type = make_type(f"{make_query('text', 'integer')} WHERE false", ["a", "at", "id"])
    with open_snapshot(connection, report_type, "demo", {}) as snapshot:
        assert snapshot.plan_shards(["a"]) == ShardPlan(0, [])
        assert snapshot.count_keys(["a"]) == 0


def test_charts_and_periods_can_be_left_out(connection: Connection[TupleRow]) -> None:
    report_type = make_type(make_query("integer", "integer"), ["a", "-at", "id"], **MORE)
    with open_snapshot(connection, report_type, "demo", {}) as snapshot:
        ends = bounds(snapshot, ["a"])
        with_charts, without = (
            [
                (part.summary, [batch.rows for batch in part.batches])
                for part in snapshot.parts(["a"], *ends, ["id"], personal_masked=False, with_charts=with_charts)
            ]
            for with_charts in (True, False)
        )
    assert with_charts[0][0].charts
    assert without == [(replace(summary, charts=(), periods=()), rows) for summary, rows in with_charts]


def test_masked_columns_and_keys_that_are_not_shown(connection: Connection[TupleRow]) -> None:
    changes = {"a": {"personal": True}, "category": {"personal": True}}
    report_type = make_type(make_query("text", "integer"), ["a", "at", "id"], changes)
    with open_snapshot(connection, report_type, "demo", {}) as snapshot:
        ends = bounds(snapshot, ["a"])
        for columns, expected in ((["a", "id"], {b"****", None}), (["category"], {b"****", None})):
            parts = snapshot.parts(["a"], *ends, columns, personal_masked=True)
            rows = [row for part in parts for batch in part.batches for row in batch.rows]
            assert {row[0] for row in rows} == expected
            assert {len(row) for row in rows} == {len(columns)}


def test_what_is_left_of_a_part_is_skipped(connection: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cursor, "BATCH_ROWS", 10)
    report_type = make_type(make_query("text", "integer"), ["a", "at", "id"])
    with open_snapshot(connection, report_type, "demo", {}) as snapshot:
        ends = bounds(snapshot, ["a"])
        first = [next(part.batches).rows[0] for part in snapshot.parts(["a"], *ends, ["id"], personal_masked=False)]
        assert [int(row[0] or 0) for row in first] == [int(ids[0] or 0) for *_, ids in read(snapshot, ["a"], *ends)]


def test_an_iteration_that_is_not_completed_closes_the_connection(connection: Connection[TupleRow]) -> None:
    report_type = make_type(make_query("text", "integer"), ["a", "at", "id"])
    with open_snapshot(connection, report_type, "demo", {}) as snapshot:
        next(next(snapshot.parts(["a"], *bounds(snapshot, ["a"]), ["id"], personal_masked=False)).batches)
    assert connection.closed


def test_an_unknown_split_is_refused(connection: Connection[TupleRow]) -> None:
    report_type = make_type(make_query("text", "integer"), ["a", "at", "id"])
    with open_snapshot(connection, report_type, "demo", {}) as snapshot, pytest.raises(ValueError, match="`sort`"):
        snapshot.plan_shards(["b"])


def test_a_key_of_several_texts_is_an_error_with_its_column_and_number(connection: Connection[TupleRow]) -> None:
    query = (
        "SELECT (ARRAY[1, 2.0, 2.00])[i] AS a, NULL AS b, timestamptz '2024-01-01' AS at, i AS id, 'x' AS category,"
        " 'EUR' AS currency, 1.5 AS amount, 0.0 AS balance FROM generate_series(1, 3) AS i"
    )
    report_type = make_type(query, ["a", "at", "id"])
    with (
        pytest.raises(KeysInconsistentError, match=r"key 12 .* column a ") as caught,
        open_snapshot(connection, report_type, "demo", {}) as snapshot,
    ):
        read(snapshot, ["a"], (b"1",), (b"2",), first_number=11)
    assert (caught.value.column, caught.value.number) == ("a", 12)


@pytest.mark.parametrize("rows", [(3, 2), (2, 3)])
def test_a_query_that_does_not_return_the_same_rows_is_an_error(
    connection: Connection[TupleRow], rows: tuple[int, int]
) -> None:
    """The first number of rows is that of the summary, the second that of the rows."""
    query = (
        "SELECT 'k' AS a, NULL AS b, timestamptz '2024-01-01' AS at, i AS id, 'x' AS category, 'EUR' AS currency,"
        " 1.5 AS amount, 0.0 AS balance"
        f" FROM generate_series(1, CASE nextval('reads') WHEN 1 THEN {rows[0]} ELSE {rows[1]} END) AS i"
    )
    connection.execute("CREATE TEMP SEQUENCE reads")
    connection.commit()
    report_type = make_type(query, ["a", "at", "id"])
    with (
        pytest.raises(KeysInconsistentError, match="key 1 "),
        open_snapshot(connection, report_type, "demo", {}) as snapshot,
    ):
        read(snapshot, ["a"], (b"k",), (b"k",))


def test_a_row_that_is_too_long_is_named_with_its_key(connection: Connection[TupleRow]) -> None:
    query = (
        f"SELECT i / 10 AS a, repeat('é', CASE i WHEN 57 THEN {MAX_ROW_BYTES // 2 + 9} ELSE 1 END) AS b, i AS id,"
        " '' AS category, 'EUR' AS currency, timestamptz '2024-01-01' AS at, 1.5 AS amount, 0.0 AS balance"
        " FROM generate_series(10, 79) AS i"
    )
    report_type = make_type(query, ["a", "at", "id"], {"a": {"kind": "integer"}})
    with (
        pytest.raises(RowTooWideError) as caught,
        open_snapshot(connection, report_type, "demo", {}) as snapshot,
    ):
        read(snapshot, ["a"], (b"1",), (b"7",), column="b")
    assert (caught.value.row, caught.value.column) == (8, "b")
    assert str(caught.value).startswith("Key 5: Row 8 ")
