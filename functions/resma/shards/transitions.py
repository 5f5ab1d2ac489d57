"""All statements that change the status of a shard.

    PENDING --> GENERATING --> DONE
      ^ ^           | |
      | `--(retry)--' `------> FAILED   (after a permanent error, or any error of its last attempt: `is_exhausted`)
      `------(retry or redrive of the report, for all that are not DONE)

    GENERATING --> PENDING because a dependency is unavailable, or the invocation's time is up; uses up no attempt

A shard is claimed only while its report is GENERATING, and changed by its worker only while its report is live. As for
reports, `attempt` increases with each claim and is the fence (jobs/transitions.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection, Cursor, sql
from psycopg.rows import TupleRow

from resma.jobs.fence import Fence
from resma.shards.fence import ShardFence, fenced_shard_update

_RELEASED: LiteralString = "lease_until = NULL"
_IS_FREE: LiteralString = (
    "(s.status = 'PENDING' AND coalesce(s.next_attempt_at <= clock_timestamp(), true)"
    " OR s.status = 'GENERATING' AND s.lease_until < clock_timestamp())"
)
"""Condition that a worker may claim the shard: no other holds its lease, and it does not wait for its next attempt."""


def claim(
    cursor: Cursor[Any],
    chosen: sql.Composable,
    values: dict[str, Any],
    lease_seconds: float,
    returning: Sequence[str],
) -> None:
    """PENDING, or GENERATING with an expired lease, -> GENERATING, for the first free shard that `chosen` orders.

    `chosen` is a condition and an order of the row `s`. The cursor then has the columns of `returning`, or no row.
    """
    cursor.execute(
        sql.SQL(
            """
            WITH free AS MATERIALIZED (
                SELECT tenant_id, report_id, shard FROM resma.shards AS s
                WHERE s.tenant_id = %(tenant_id)s AND s.report_id = %(report_id)s AND s.attempt < s.attempts_allowed
                  AND {free}
                  AND EXISTS (SELECT FROM resma.reports AS r WHERE r.tenant_id = s.tenant_id
                              AND r.report_id = s.report_id AND r.status = 'GENERATING')
                  AND {chosen} LIMIT 1 FOR UPDATE SKIP LOCKED
            )
            UPDATE resma.shards AS shard
            SET status = 'GENERATING', attempt = shard.attempt + 1, worker = %(worker)s, next_attempt_at = NULL,
                sent_at = coalesce(shard.sent_at, clock_timestamp()),
                lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
            FROM free
            WHERE shard.tenant_id = free.tenant_id AND shard.report_id = free.report_id AND shard.shard = free.shard
            RETURNING {row}
            """
        ).format(
            free=sql.SQL(_IS_FREE),
            chosen=chosen,
            row=sql.SQL(", ").join(sql.Identifier("shard", name) for name in returning),
        ),
        {**values, "lease": lease_seconds},
    )


def finish(connection: Connection[TupleRow], fence: ShardFence) -> None:
    """GENERATING -> DONE. All its keys and rows must be recorded. Raises LeaseLostError."""
    fenced_shard_update(connection, fence, f"status = 'DONE', {_RELEASED}, error_code = NULL, error_detail = NULL", {})


def release(
    connection: Connection[TupleRow], fence: ShardFence, assignments: LiteralString, values: dict[str, Any]
) -> None:
    """GENERATING -> PENDING, by the shard's own worker. Raises LeaseLostError."""
    fenced_shard_update(connection, fence, f"status = 'PENDING', {_RELEASED}, {assignments}", values)


def fail(connection: Connection[TupleRow], fence: ShardFence, values: dict[str, Any]) -> None:
    """GENERATING -> FAILED, with the error `code` and `detail` of `values`, and `is_exhausted`. Raises LeaseLostError.

    `is_exhausted`: another attempt may succeed, but the shard has none left.
    """
    fenced_shard_update(
        connection,
        fence,
        f"status = 'FAILED', {_RELEASED}, error_code = %(code)s, error_detail = %(detail)s,"
        " is_exhausted = %(is_exhausted)s",
        values,
    )


def fail_exhausted(connection: Connection[TupleRow], report: Fence) -> int:
    """-> FAILED for shards that no worker holds and that have no attempts left. Returns how many."""
    return connection.execute(
        """
        UPDATE resma.shards
        SET status = 'FAILED', is_exhausted = true, lease_until = NULL,
            error_code = CASE WHEN status = 'PENDING' THEN coalesce(error_code, 'worker-died') ELSE 'worker-died' END,
            error_detail = CASE WHEN status = 'PENDING' AND error_detail IS NOT NULL THEN error_detail
                ELSE 'The worker ended without an error in attempt ' || attempt ||
                     ', for example because it ran out of memory or time. See its log.' END
        WHERE tenant_id = %s AND report_id = %s AND attempt >= attempts_allowed
          AND (status = 'PENDING' OR status = 'GENERATING' AND lease_until < clock_timestamp())
        """,
        (report.tenant_id, report.report_id),
    ).rowcount


def recover(connection: Connection[TupleRow], report: Fence, unnoticed_seconds: float) -> int:
    """GENERATING -> PENDING, with one more attempt, if the lease expired more than `unnoticed_seconds` ago.

    Then an outage of the system database ended the attempt, and not the death of its worker (jobs/outcome.py). Returns
    how many.
    """
    return connection.execute(
        "UPDATE resma.shards SET status = 'PENDING', lease_until = NULL, attempts_allowed = attempts_allowed + 1"
        " WHERE tenant_id = %s AND report_id = %s AND status = 'GENERATING'"
        "   AND lease_until < clock_timestamp() - make_interval(secs => %s)",
        (report.tenant_id, report.report_id, unnoticed_seconds),
    ).rowcount


def retry_unfinished(connection: Connection[TupleRow], reports: Sequence[tuple[str, UUID]], attempts: int) -> int:
    """-> PENDING, with `attempts` more attempts, for the shards that are not DONE of reports that are retried.

    `reports` are tenants and ids. Workers that still generate a shard lose its lease: the objects that they have not
    recorded may have been removed since the report ended. Returns how many shards are PENDING.
    """
    return connection.execute(
        """
        UPDATE resma.shards AS s
        SET status = 'PENDING', attempt = attempt + CASE status WHEN 'GENERATING' THEN 1 ELSE 0 END,
            attempts_allowed = attempt + CASE status WHEN 'GENERATING' THEN 1 ELSE 0 END + %s,
            lease_until = NULL, sent_at = NULL, next_attempt_at = NULL, error_code = NULL, error_detail = NULL,
            is_exhausted = false
        FROM unnest(%s::text[], %s::uuid[]) AS retried (tenant_id, report_id)
        WHERE s.tenant_id = retried.tenant_id AND s.report_id = retried.report_id AND status <> 'DONE'
        """,
        (attempts, [tenant_id for tenant_id, _ in reports], [report_id for _, report_id in reports]),
    ).rowcount
