"""Every statement that changes the status of a report.

    PENDING --> GENERATING --> READY --> EXPIRED   (when the time of its files is over)
      ^ ^           | |
      | `--(retry)--' `------> FAILED              (by a permanent error at once, by others after the last attempt)
      `------(redrive)---------'                   (dead letters alone)

    GENERATING --> PENDING by a dependency that is unavailable, uncounted, up to a deadline: FAILED
    GENERATING --> PENDING by an outage of the system's database, uncounted
    GENERATING --> PENDING because the invocation's time is up, uncounted

    PENDING or GENERATING ---> CANCELLED

`attempt` grows with each claim: it is the fence. A worker that was thought dead and wakes up still names its old
attempt, so none of its writes finds a row, and it raises LeaseLostError. So does one whose job was cancelled: of
finishing and cancelling, the first to update the row wins.

No function here commits, and none records an event: claim.py and outcome.py do, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection, Cursor, sql
from psycopg.rows import TupleRow

from resma.jobs.fence import Fence, fenced_update
from resma.report.status import IS_LIVE

NOT_WAITING: LiteralString = (
    "waiting_for = NULL, waiting_since = NULL, waiting_detail = NULL, next_attempt_at = NULL, waits = 0"
)
"""Assignments that end a report's waiting for a dependency."""

_PENDING: LiteralString = "status = 'PENDING', lease_until = NULL"
_OUT_OF_OUTBOX: LiteralString = "enqueued_at = clock_timestamp()"
_IN_OUTBOX: LiteralString = "enqueued_at = NULL"

_IS_FREE: LiteralString = "(status = 'PENDING' OR (status = 'GENERATING' AND lease_until < clock_timestamp()))"
"""No worker has it: it waits for one, or its worker's lease has expired."""


def claim(cursor: Cursor[Any], tenant_id: str, report_id: UUID, lease_seconds: float, returning: Sequence[str]) -> None:
    """PENDING, or GENERATING with an expired lease, -> GENERATING, if it has attempts left. The cursor has the row."""
    cursor.execute(
        sql.SQL(
            """
            UPDATE resma.reports
            SET status = 'GENERATING', attempt = attempt + 1, started_at = clock_timestamp(),
                enqueued_at = coalesce(enqueued_at, clock_timestamp()),
                lease_until = clock_timestamp() + make_interval(secs => %s),
                rows_done = coalesce((checkpoint ->> 'rows')::bigint, 0),
                rows_expected = CASE WHEN checkpoint IS NOT NULL THEN rows_expected END,
                charts = CASE WHEN checkpoint IS NOT NULL THEN charts END,
                writing_since = NULL, written_before = NULL
            WHERE tenant_id = %s AND report_id = %s AND attempt < attempts_allowed AND {free}
            RETURNING {row}
            """
        ).format(free=sql.SQL(_IS_FREE), row=sql.SQL(", ").join(map(sql.Identifier, returning))),
        (lease_seconds, tenant_id, report_id),
    )


def finish(connection: Connection[TupleRow], fence: Fence, assignments: LiteralString, values: dict[str, Any]) -> None:
    """GENERATING -> READY. Raises LeaseLostError."""
    fenced_update(
        connection,
        fence,
        f"{NOT_WAITING}, status = 'READY', finished_at = clock_timestamp(), lease_until = NULL, checkpoint = NULL,"
        f" error_code = NULL, error_detail = NULL, {assignments}",
        values,
    )


def fail(connection: Connection[TupleRow], fence: Fence, assignments: LiteralString, values: dict[str, Any]) -> None:
    """GENERATING -> FAILED, by a permanent error. Raises LeaseLostError."""
    fenced_update(
        connection,
        fence,
        f"{NOT_WAITING}, status = 'FAILED', finished_at = clock_timestamp(), lease_until = NULL, checkpoint = NULL,"
        f" {assignments}",
        values,
    )


def release(
    connection: Connection[TupleRow],
    fence: Fence,
    assignments: LiteralString,
    values: dict[str, Any],
    returning: LiteralString = "report_id",
) -> TupleRow:
    """GENERATING -> PENDING, by its own worker, whose message comes again. Raises LeaseLostError."""
    return fenced_update(connection, fence, f"{_PENDING}, {_OUT_OF_OUTBOX}, {assignments}", values, returning)


def postpone(  # noqa: PLR0913, PLR0917  # a statement and what it says
    connection: Connection[TupleRow],
    tenant_id: str,
    report_id: UUID,
    assignments: LiteralString,
    values: dict[str, Any],
    returning: LiteralString,
) -> TupleRow | None:
    """The same for a report that no worker has, if it has attempts left; None where there is no such report."""
    return connection.execute(
        f"UPDATE resma.reports SET {_PENDING}, {_OUT_OF_OUTBOX}, {assignments}"
        " WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s AND attempt < attempts_allowed"
        f" AND {_IS_FREE} RETURNING {returning}",
        {**values, "tenant_id": tenant_id, "report_id": report_id},
    ).fetchone()


def recover(connection: Connection[TupleRow], tenant_id: str, report_id: UUID, unnoticed_seconds: float) -> bool:
    """GENERATING -> PENDING, with one attempt more, where the lease expired that long ago; returns whether it did."""
    row = connection.execute(
        f"UPDATE resma.reports SET {_PENDING}, attempts_allowed = attempts_allowed + 1"
        " WHERE tenant_id = %s AND report_id = %s AND status = 'GENERATING'"
        "   AND lease_until < clock_timestamp() - make_interval(secs => %s)"
        " RETURNING report_id",
        (tenant_id, report_id, unnoticed_seconds),
    ).fetchone()
    return row is not None


def requeue(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> bool:
    """-> PENDING and into the outbox, for a report that no worker has and that has attempts left.

    Returns whether it did.
    """
    row = connection.execute(
        f"UPDATE resma.reports SET {_PENDING}, {_IN_OUTBOX}"
        f" WHERE tenant_id = %s AND report_id = %s AND attempt < attempts_allowed AND {_IS_FREE} RETURNING report_id",
        (tenant_id, report_id),
    ).fetchone()
    return row is not None


def cancel(connection: Connection[TupleRow], tenant_id: str, report_id: UUID, cancelled_by: str) -> bool:
    """PENDING or GENERATING -> CANCELLED; returns whether it did."""
    row = connection.execute(
        f"UPDATE resma.reports SET {NOT_WAITING}, status = 'CANCELLED', cancelled_by = %s,"
        " finished_at = clock_timestamp(), lease_until = NULL, error_code = NULL, error_detail = NULL"
        f" WHERE tenant_id = %s AND report_id = %s AND {IS_LIVE} RETURNING report_id",
        (cancelled_by, tenant_id, report_id),
    ).fetchone()
    return row is not None


def abandon(connection: Connection[TupleRow], tenant_id: str, report_id: UUID, *, if_exhausted: bool) -> bool:
    """-> FAILED with the last error, as a dead letter, for a report that no worker has; returns whether it did.

    With `if_exhausted`, only if it has had all attempts that it is allowed.
    """
    row = connection.execute(
        f"""
        UPDATE resma.reports
        SET {NOT_WAITING},
            status = 'FAILED', finished_at = clock_timestamp(), dead_lettered_at = clock_timestamp(),
            lease_until = NULL,
            -- One that is GENERATING still has the error of an attempt before the last.
            error_code = coalesce(CASE status WHEN 'PENDING' THEN error_code END,
                                  CASE attempt WHEN 0 THEN 'not-begun' ELSE 'worker-died' END),
            error_detail = coalesce(CASE status WHEN 'PENDING' THEN error_detail END, CASE attempt
                WHEN 0 THEN 'no worker could take the job, as while the database is away'
                ELSE 'the worker ended without a word in attempt ' || attempt ||
                     ', for instance out of memory or time: see its log' END) ||
                '; given up after ' || attempt || CASE attempt WHEN 1 THEN ' attempt' ELSE ' attempts' END ||
                ': once the cause is mended, redrive it (POST /api/v1/dead-letters/' || report_id ||
                '/redrive) or ask for the report again'
        WHERE tenant_id = %s AND report_id = %s AND {_IS_FREE} AND (attempt >= attempts_allowed OR NOT %s)
        RETURNING report_id
        """,
        (tenant_id, report_id, if_exhausted),
    ).fetchone()
    return row is not None


def end_wait(connection: Connection[TupleRow], tenant_id: str, report_id: UUID, max_seconds: float) -> bool:
    """PENDING -> FAILED, as a dead letter, for a report that has waited longer than that; returns whether it did."""
    row = connection.execute(
        f"""
        UPDATE resma.reports
        SET status = 'FAILED', finished_at = clock_timestamp(), dead_lettered_at = clock_timestamp(),
            checkpoint = NULL, error_code = 'dependency-unavailable',
            error_detail = 'the ' || replace(waiting_for, '-', ' ') ||
                CASE waiting_for WHEN 'secrets' THEN ' were' ELSE ' was' END || ' unavailable since ' ||
                to_char(waiting_since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') ||
                ', which is longer than a report waits (MaxOutageWaitSeconds): ' || waiting_detail ||
                '; once it is available, redrive it (POST /api/v1/dead-letters/' || report_id ||
                '/redrive) or request the report again',
            {NOT_WAITING}
        WHERE tenant_id = %s AND report_id = %s AND status = 'PENDING'
          AND waiting_since < clock_timestamp() - make_interval(secs => %s)
        RETURNING report_id
        """,
        (tenant_id, report_id, max_seconds),
    ).fetchone()
    return row is not None


def redrive(  # noqa: PLR0913, PLR0917  # which, how often, by whom and why
    connection: Connection[TupleRow],
    tenant_id: str | None,
    report_id: UUID | None,
    attempts: int,
    redriven_by: str,
    reason: str | None,
) -> list[tuple[str, UUID]]:
    """FAILED -> PENDING for dead letters, with as many attempts more, in the outbox and recorded.

    For one report, or all of a tenant, or all of all tenants; returns which. What an attempt has left in the store may
    have been removed: the next one starts with the first row.
    """
    rows = connection.execute(
        """
        WITH dead AS (
            SELECT tenant_id, report_id, redrives, attempt, error_code, error_detail FROM resma.reports
            WHERE dead_lettered_at IS NOT NULL
              AND (%(tenant_id)s::text IS NULL OR tenant_id = %(tenant_id)s)
              AND (%(report_id)s::uuid IS NULL OR report_id = %(report_id)s)
            FOR UPDATE
        ), recorded AS (
            INSERT INTO resma.redrives
                   (tenant_id, report_id, redrive, redriven_by, reason, attempt, error_code, error_detail)
            SELECT tenant_id, report_id, redrives + 1, %(by)s, %(reason)s, attempt, error_code, error_detail FROM dead
        )
        UPDATE resma.reports AS r
        SET status = 'PENDING', attempts_allowed = r.attempt + %(attempts)s, redrives = r.redrives + 1,
            redriven_at = clock_timestamp(), dead_lettered_at = NULL, enqueued_at = NULL,
            started_at = NULL, finished_at = NULL, error_code = NULL, error_detail = NULL, checkpoint = NULL,
            continuations = 0, stalled_continuations = 0, swept_at = NULL, sweep_after = NULL
        FROM dead WHERE r.tenant_id = dead.tenant_id AND r.report_id = dead.report_id
        RETURNING r.tenant_id, r.report_id
        """,
        {"by": redriven_by, "reason": reason, "tenant_id": tenant_id, "report_id": report_id, "attempts": attempts},
    ).fetchall()
    return [(tenant, report) for tenant, report in rows]


def expire(connection: Connection[TupleRow], most: int) -> list[tuple[str, UUID]]:
    """READY -> EXPIRED where the files' time is over, as many at most; returns which.

    By the statement's time: for one that moves (clock_timestamp) Postgres would look through all of an index.
    """
    rows = connection.execute(
        """
        WITH old AS (
            SELECT tenant_id, report_id FROM resma.reports
            WHERE status = 'READY' AND expires_at < statement_timestamp()
            ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED
        )
        UPDATE resma.reports AS r SET status = 'EXPIRED', swept_at = NULL, sweep_after = NULL, charts = NULL,
            further_totals = NULL
        FROM old WHERE r.tenant_id = old.tenant_id AND r.report_id = old.report_id
        RETURNING r.tenant_id, r.report_id
        """,
        (most,),
    ).fetchall()
    return [(tenant, report) for tenant, report in rows]
