"""Snapshots that several connections share, and shards that are verified in a later snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from infra.servers.postgres import PostgresServer
from resma.catalog import ReportType
from resma.errors import SnapshotGoneError, SourceChangedError
from resma.snapshot.snapshot import Snapshot, open_snapshot
from resma.snapshot.split.shard_plan import PlannedShard, ShardDigest

COLUMNS = {"account": "text", "id": "integer", "at": "timestamp", "comment": "text", "hidden": "text"}


def make_type(**more: Any) -> ReportType:
    """Returns a report type that is split by account."""
    columns = [{"name": name, "kind": kind, "hidden": name == "hidden"} for name, kind in COLUMNS.items()]
    return ReportType.model_validate(
        {
            "type": "T",
            "title": "T",
            "file_name": "t",
            "columns": columns,
            "sort": ["account", "id"],
            "tenants": "none",
            "query": "SELECT * FROM shared_rows",
            **more,
        }
    )


PLAIN, WITH_WATERMARK = make_type(), make_type(watermark="at")


@pytest.fixture
def writer(postgres: PostgresServer) -> Iterator[Connection[TupleRow]]:
    """A connection that changes the table of the report types."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE shared_rows AS SELECT 'account ' || i / 10 AS account, i AS id,"
            " timestamptz '2024-01-01' + i * interval '1 hour' AS at, 'comment ' || i AS comment, 'x' AS hidden"
            " FROM generate_series(10, 59) AS i"
        )
        yield connection
        connection.execute("DROP TABLE shared_rows")


@pytest.fixture
def one(postgres: PostgresServer) -> Iterator[Connection[TupleRow]]:
    with psycopg.connect(postgres.url, client_encoding="UTF8") as connection:
        yield connection


@pytest.fixture
def other(postgres: PostgresServer) -> Iterator[Connection[TupleRow]]:
    with psycopg.connect(postgres.url, client_encoding="UTF8") as connection:
        yield connection


def comments(snapshot: Snapshot) -> list[bytes | None]:
    """Returns the comments of all rows."""
    (shard,) = snapshot.plan_shards(["account"]).shards
    parts = snapshot.parts(["account"], shard.first_key, shard.last_key, ["comment"], personal_masked=False)
    return [row[0] for part in parts for batch in part.batches for row in batch.rows]


def test_an_imported_snapshot_has_no_later_rows(
    writer: Connection[TupleRow], one: Connection[TupleRow], other: Connection[TupleRow]
) -> None:
    with open_snapshot(one, PLAIN, "demo", {}) as exported:
        name = exported.export()
        before = comments(exported)
        writer.execute("UPDATE shared_rows SET comment = 'later' WHERE id < 20")
        writer.execute("INSERT INTO shared_rows SELECT 'account 9', 99, now(), 'later', 'x'")
        with open_snapshot(other, PLAIN, "demo", {}, snapshot_id=name) as imported:
            assert comments(imported) == before
            assert imported.summarize().rows == 50
        with open_snapshot(other, PLAIN, "demo", {}) as later:
            assert later.summarize().rows == 51
        assert comments(exported) == before


def test_an_export_exists_while_its_transaction_is_open(
    writer: Connection[TupleRow], one: Connection[TupleRow], other: Connection[TupleRow]
) -> None:
    with open_snapshot(one, PLAIN, "demo", {}) as exported:
        name = exported.export()
    for gone in (name, "00000003-00000001-1", "no such'snapshot"):
        with pytest.raises(SnapshotGoneError), open_snapshot(other, PLAIN, "demo", {}, snapshot_id=gone):
            raise AssertionError
    with open_snapshot(other, PLAIN, "demo", {}) as snapshot:  # the connection can be used again
        assert len(comments(snapshot)) == 50


def plan(snapshot: Snapshot) -> list[PlannedShard]:
    """Returns shards of one key each."""
    return snapshot.plan_shards(["account"], shard_cost=1).shards


def expected(shard: PlannedShard) -> ShardDigest:
    return ShardDigest(shard.keys, shard.rows, shard.digest)


CHANGES = {
    "an amended comment": "UPDATE shared_rows SET comment = 'amended' WHERE id = 25",
    "a column that no file shows": "UPDATE shared_rows SET hidden = 'y' WHERE id = 25",
    "a deleted row": "DELETE FROM shared_rows WHERE id = 25",
    "another row": "INSERT INTO shared_rows SELECT 'account 2', 99, '2024-01-01', 'another', 'x'",
    "another key in the range": "INSERT INTO shared_rows SELECT 'account 2b', 99, '2024-01-01', 'another', 'x'",
    "values that are exchanged": "UPDATE shared_rows SET comment = 'comment ' || 51 - id WHERE id IN (25, 26)",
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("report_type", [PLAIN, WITH_WATERMARK])
def test_a_change_is_found_in_the_shard_that_has_it(
    writer: Connection[TupleRow], one: Connection[TupleRow], change: str, report_type: ReportType
) -> None:
    with open_snapshot(one, report_type, "demo", {}) as snapshot:
        first, second, third, *_ = plan(snapshot)
        whole = snapshot.digest_of(["account"], second.first_key, third.last_key)
        as_of = snapshot.summarize().as_of
    writer.execute(CHANGES[change].encode())
    with open_snapshot(one, report_type, "demo", {}) as snapshot:
        snapshot.resume_shard(["account"], first.first_key, first.last_key, expected(first), as_of)
        assert snapshot.digest_of(["account"], second.first_key, third.last_key) != whole
        with pytest.raises(SourceChangedError):
            snapshot.resume_shard(["account"], second.first_key, third.last_key, whole, as_of)
        snapshot.resume_shard(["account"], third.first_key, third.last_key, expected(third), as_of)


def test_rows_after_the_watermark_are_left_out_of_a_resumed_shard(
    writer: Connection[TupleRow], one: Connection[TupleRow]
) -> None:
    with open_snapshot(one, WITH_WATERMARK, "demo", {}) as snapshot:
        shards = plan(snapshot)
        before, as_of = comments(snapshot), snapshot.summarize().as_of
    writer.execute("INSERT INTO shared_rows VALUES ('account 2', 99, %s, 'later', 'x')", [as_of + timedelta(seconds=1)])
    with open_snapshot(one, PLAIN, "demo", {}) as snapshot, pytest.raises(SourceChangedError):
        snapshot.resume_shard(["account"], shards[1].first_key, shards[1].last_key, expected(shards[1]), as_of)
    found: list[bytes | None] = []
    with open_snapshot(one, WITH_WATERMARK, "demo", {}) as snapshot:
        for shard in shards:
            ends = (shard.first_key, shard.last_key)
            snapshot.resume_shard(["account"], *ends, expected(shard), as_of)
            for part in snapshot.parts(["account"], *ends, ["comment"], personal_masked=False, as_of=as_of):
                assert part.summary.as_of == as_of
                found += [row[0] for batch in part.batches for row in batch.rows]
    assert found == before
