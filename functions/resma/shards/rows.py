"""The rows of `resma.shards`: how they are inserted, counted and deleted, and the data that a shard's worker reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row

from resma.aws.cost import Usage
from resma.errors import LeaseLostError
from resma.jobs.fence import Fence
from resma.report.content import ReportContent
from resma.report.status import IS_LIVE

MAX_SHARD_ATTEMPTS = 3
"""Number of attempts of a new shard. A continuation adds one, as does an attempt that a dependency ended."""

Cells = tuple[bytes | None, ...]
"""A key: one cell for each column, as Postgres prints it."""


class KeyRange(Protocol):
    """A range of keys as counted in a snapshot."""

    @property
    def first_key(self) -> Cells:
        """The first key of the range."""

    @property
    def last_key(self) -> Cells:
        """The last key of the range."""

    @property
    def first_number(self) -> int:
        """Number of the first key in the order of the report, from 1."""

    @property
    def keys(self) -> int:
        """Number of keys."""

    @property
    def rows(self) -> int:
        """Number of rows."""

    @property
    def digest(self) -> str:
        """Hash of all rows."""


def insert_shards(connection: Connection[TupleRow], claim: Fence, ranges: Sequence[KeyRange]) -> None:
    """Inserts a PENDING shard for each range. Call it in a transaction that has updated the report with its fence.

    Attempts continue to grow when a report restarts, so that neither the fence nor an object's key occurs twice.
    Safe to call twice: if the answer of a commit was lost, the attempt has already inserted these shards.
    """
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO resma.shards (tenant_id, report_id, shard, first_key, last_key, first_number, keys, rows,
                                      digest, attempt, attempts_allowed)
            SELECT tenant_id, report_id, %(shard)s, %(first_key)s::text[], %(last_key)s::text[], %(first_number)s,
                   %(keys)s, %(rows)s, %(digest)s, shard_attempts, shard_attempts + %(attempts)s
            FROM resma.reports WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s
            ON CONFLICT DO NOTHING
            """,
            [
                {
                    "tenant_id": claim.tenant_id,
                    "report_id": claim.report_id,
                    "shard": shard,
                    "first_key": text_of(planned.first_key),
                    "last_key": text_of(planned.last_key),
                    "first_number": planned.first_number,
                    "keys": planned.keys,
                    "rows": planned.rows,
                    "digest": planned.digest,
                    "attempts": MAX_SHARD_ATTEMPTS,
                }
                for shard, planned in enumerate(ranges, start=1)
            ],
        )


def text_of(cells: Cells) -> list[str | None]:
    """Returns a key as an array of strings, for a row."""
    return [None if cell is None else cell.decode() for cell in cells]


def cells_of(texts: Sequence[str | None]) -> Cells:
    """Returns the key that `text_of` has converted."""
    return tuple(None if text is None else text.encode() for text in texts)


@dataclass(frozen=True, kw_only=True)
class ShardedReport(ReportContent):
    """The columns of a report that the workers of its shards read."""

    tenant_id: str
    report_id: UUID
    created_at: datetime
    as_of: datetime
    """Time of the first snapshot, which all files state."""
    snapshot_id: str | None
    """Name of the snapshot that the coordinator has exported; None while there is no coordinator."""
    snapshot_number: int | None
    """Number of that snapshot, from 1."""
    shards_stamp: str
    """Hash of the code and the report type that divided the keys into shards."""
    kms_key: str | None = None
    """ARN of the tenant's KMS key that its files are encrypted with; None: the encryption of the bucket."""
    signed_by: str | None = None
    """Fingerprint of the tenant's OpenPGP key that its files are signed with; None: they are not signed."""


_REPORT_COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in ShardedReport.__dataclass_fields__)


def find_sharded_report(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> ShardedReport | None:
    """Returns what the worker of a shard needs to know of its report; None if the report has no shards."""
    with connection.cursor(row_factory=class_row(ShardedReport)) as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT {} FROM resma.reports"
                " WHERE tenant_id = %s AND report_id = %s AND as_of IS NOT NULL AND shards_stamp IS NOT NULL"
            ).format(_REPORT_COLUMNS),
            (tenant_id, report_id),
        )
        return cursor.fetchone()


@dataclass(frozen=True)
class ShardCounts:
    """The shards of a report: how many have which status, and the sums of their work."""

    pending: int
    generating: int
    failed: int
    keys_done: int
    rows_done: int
    workers: int
    """Number of processes that had the last attempts."""

    @property
    def unfinished(self) -> int:
        """Number of shards that are neither DONE nor FAILED."""
        return self.pending + self.generating


def count_shards(connection: Connection[TupleRow], fence: Fence) -> ShardCounts:
    """Counts the shards of a report."""
    with connection.cursor(row_factory=class_row(ShardCounts)) as cursor:
        cursor.execute(
            """
            SELECT count(*) FILTER (WHERE status = 'PENDING') AS pending,
                   count(*) FILTER (WHERE status = 'GENERATING') AS generating,
                   count(*) FILTER (WHERE status = 'FAILED') AS failed,
                   coalesce(sum(keys_done), 0)::bigint AS keys_done, coalesce(sum(rows_done), 0)::bigint AS rows_done,
                   count(DISTINCT worker) AS workers
            FROM resma.shards WHERE tenant_id = %s AND report_id = %s
            """,
            (fence.tenant_id, fence.report_id),
        )
        counts = cursor.fetchone()
    assert counts is not None  # an aggregate always returns a row
    return counts


@dataclass(frozen=True)
class FailedShard:
    """A shard that is FAILED."""

    shard: int
    error_code: str
    error_detail: str
    is_exhausted: bool
    """Whether transient errors have used up its attempts, so that another attempt may succeed."""


def find_failed_shards(connection: Connection[TupleRow], fence: Fence) -> list[FailedShard]:
    """Returns the failed shards of a report, in their order."""
    with connection.cursor(row_factory=class_row(FailedShard)) as cursor:
        cursor.execute(
            "SELECT shard, error_code, error_detail, is_exhausted FROM resma.shards"
            " WHERE tenant_id = %s AND report_id = %s AND status = 'FAILED' ORDER BY shard",
            (fence.tenant_id, fence.report_id),
        )
        return cursor.fetchall()


def sum_usage(connection: Connection[TupleRow], fence: Fence) -> Usage:
    """Returns the usage of all workers of a report's shards, except that of the coordinators."""
    rows: list[tuple[Any]] = connection.execute(
        "SELECT usage FROM resma.shards WHERE tenant_id = %s AND report_id = %s AND usage IS NOT NULL",
        (fence.tenant_id, fence.report_id),
    ).fetchall()
    return sum((Usage.from_json(usage) for (usage,) in rows), Usage())


def count_snapshot(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> int:
    """Counts a snapshot that the worker of a shard has opened, because the exported one is gone. Returns its number.

    Raises LeaseLostError if the report has ended.
    """
    row = connection.execute(
        f"UPDATE resma.reports SET snapshots = snapshots + 1 WHERE tenant_id = %s AND report_id = %s AND {IS_LIVE}"
        " RETURNING snapshots",
        (tenant_id, report_id),
    ).fetchone()
    if row is None:
        raise LeaseLostError(f"The report {report_id} has ended.")
    return int(row[0])


def delete_shards(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> None:
    """Deletes the shards of a report with their files' rows, because it restarts or its files are removed.

    Workers of the shards notice it at their next write. Call it in a transaction that has locked the report's row.
    """
    key = {"tenant_id": tenant_id, "report_id": report_id}
    # In one pass: the foreign key would look for the files of each shard.
    connection.execute(
        "DELETE FROM resma.report_files WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s", key
    )
    connection.execute(
        """
        WITH deleted AS (
            DELETE FROM resma.shards WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s RETURNING attempt
        )
        UPDATE resma.reports SET shards_stamp = NULL, snapshot_id = NULL, snapshot_number = NULL, snapshots = 0,
            keys_expected = NULL, keys_done = 0, rows_done = 0, charts = NULL,
            shard_attempts = greatest(shard_attempts, (SELECT max(attempt) FROM deleted))
        WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s
        """,
        key,
    )
