"""All statements that change the status of a report.

    PENDING --> GENERATING --> READY --> EXPIRED   (when the retention period of its files is over, or a caller has
                                                    deleted them; never while the report has a legal hold)
      ^ ^           | |
      | `--(retry)--' `------> FAILED              (after a permanent error, or any error of the last attempt)
      `------(redrive)---------'                   (dead letters, and split reports of which failed shards are retried)

    GENERATING --> SKIPPED because the data do not meet a condition of the request, before the first row is read
    GENERATING --> PENDING because a dependency is unavailable; uses up no attempt, and is FAILED after a deadline
    GENERATING --> PENDING because of an outage of the system database; uses up no attempt
    GENERATING --> PENDING because the invocation's time is up; uses up no attempt

    PENDING or GENERATING ---> CANCELLED

`attempt` increases with each claim and is the fence. A worker that continues after its lease has expired still uses its
old attempt, so its updates match no row, and it raises LeaseLostError. The same happens if its job was cancelled: the
first update of the row, by finishing or cancelling, wins.

No function here commits or records an event: claim.py and outcome.py do, in the same transaction.
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
"""Assignments for a report that does not wait for a dependency any longer."""

_PENDING: LiteralString = "status = 'PENDING', lease_until = NULL"
_OUT_OF_OUTBOX: LiteralString = "enqueued_at = clock_timestamp()"
_IN_OUTBOX: LiteralString = "enqueued_at = NULL"

_IS_FREE: LiteralString = "(status = 'PENDING' OR (status = 'GENERATING' AND lease_until < clock_timestamp()))"
"""Condition that no worker holds the lease of the report: it is PENDING, or the lease has expired."""


def claim(cursor: Cursor[Any], tenant_id: str, report_id: UUID, lease_seconds: float, returning: Sequence[str]) -> None:
    """PENDING, or GENERATING with an expired lease, -> GENERATING, if attempts are left.

    The cursor then has the columns of `returning`, or no row.
    """
    cursor.execute(
        sql.SQL(
            """
            UPDATE resma.reports
            SET status = 'GENERATING', attempt = attempt + 1, started_at = clock_timestamp(),
                enqueued_at = coalesce(enqueued_at, clock_timestamp()),
                lease_until = clock_timestamp() + make_interval(secs => %s),
                -- The next attempt continues from a checkpoint, or with the shards of a split report.
                rows_done = CASE WHEN shards_stamp IS NULL THEN coalesce((checkpoint ->> 'rows')::bigint, 0)
                                 ELSE rows_done END,
                rows_expected = CASE WHEN checkpoint IS NOT NULL OR shards_stamp IS NOT NULL THEN rows_expected END,
                charts = CASE WHEN checkpoint IS NOT NULL OR shards_stamp IS NOT NULL THEN charts END,
                -- All objects of a report are encrypted with one key, also if the tenant's key is changed meanwhile.
                kms_key = CASE WHEN checkpoint IS NOT NULL OR shards_stamp IS NOT NULL THEN kms_key
                          ELSE (SELECT t.kms_key FROM resma.tenants AS t WHERE t.tenant_id = reports.tenant_id) END,
                -- The same for the key that signs them.
                signed_by = CASE WHEN encrypt_for IS NULL THEN NULL WHEN shards_stamp IS NOT NULL THEN signed_by
                            ELSE (SELECT t.signing_key FROM resma.tenants AS t WHERE t.tenant_id = reports.tenant_id)
                            END,
                encrypted_for = CASE WHEN encrypt_for IS NULL THEN NULL WHEN shards_stamp IS NOT NULL THEN encrypted_for
                                ELSE (SELECT array_agg(DISTINCT c.fingerprint ORDER BY c.fingerprint)
                                      FROM resma.certificates AS c
                                      WHERE c.tenant_id = reports.tenant_id
                                        AND c.certificate_id = ANY (reports.encrypt_for))
                                END,
                snapshot_id = NULL, snapshot_number = NULL,
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
    """GENERATING -> FAILED, after a permanent error or those of a split report's shards. Raises LeaseLostError."""
    fenced_update(
        connection,
        fence,
        f"{NOT_WAITING}, status = 'FAILED', finished_at = clock_timestamp(), lease_until = NULL, checkpoint = NULL,"
        f" {assignments}",
        values,
    )


def skip(connection: Connection[TupleRow], fence: Fence, assignments: LiteralString, values: dict[str, Any]) -> None:
    """GENERATING -> SKIPPED, because the data do not meet a condition of the request. Raises LeaseLostError."""
    fenced_update(
        connection,
        fence,
        f"{NOT_WAITING}, status = 'SKIPPED', finished_at = clock_timestamp(), lease_until = NULL, checkpoint = NULL,"
        f" error_code = NULL, error_detail = NULL, {assignments}",
        values,
    )


def release(
    connection: Connection[TupleRow],
    fence: Fence,
    assignments: LiteralString,
    values: dict[str, Any],
    returning: LiteralString = "report_id",
) -> TupleRow:
    """GENERATING -> PENDING, by the job's own worker. The queue delivers its message again. Raises LeaseLostError."""
    return fenced_update(connection, fence, f"{_PENDING}, {_OUT_OF_OUTBOX}, {assignments}", values, returning)


def postpone(  # noqa: PLR0913, PLR0917  # the parts of a statement and its values
    connection: Connection[TupleRow],
    tenant_id: str,
    report_id: UUID,
    assignments: LiteralString,
    values: dict[str, Any],
    returning: LiteralString,
) -> TupleRow | None:
    """-> PENDING, for a report that no worker holds and that has attempts left. The queue delivers its message again.

    Returns the columns of `returning`, or None if there is no such report.
    """
    return connection.execute(
        f"UPDATE resma.reports SET {_PENDING}, {_OUT_OF_OUTBOX}, {assignments}"
        " WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s AND attempt < attempts_allowed"
        f" AND {_IS_FREE} RETURNING {returning}",
        {**values, "tenant_id": tenant_id, "report_id": report_id},
    ).fetchone()


def recover(connection: Connection[TupleRow], tenant_id: str, report_id: UUID, unnoticed_seconds: float) -> bool:
    """GENERATING -> PENDING, with one more attempt, if the lease expired more than `unnoticed_seconds` ago.

    Returns whether it did.
    """
    row = connection.execute(
        f"UPDATE resma.reports SET {_PENDING}, attempts_allowed = attempts_allowed + 1"
        " WHERE tenant_id = %s AND report_id = %s AND status = 'GENERATING'"
        "   AND lease_until < clock_timestamp() - make_interval(secs => %s)"
        " RETURNING report_id",
        (tenant_id, report_id, unnoticed_seconds),
    ).fetchone()
    return row is not None


def requeue(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> bool:
    """-> PENDING and into the outbox, for a report that no worker holds and that has attempts left.

    Returns whether it did.
    """
    row = connection.execute(
        f"UPDATE resma.reports SET {_PENDING}, {_IN_OUTBOX}"
        f" WHERE tenant_id = %s AND report_id = %s AND attempt < attempts_allowed AND {_IS_FREE} RETURNING report_id",
        (tenant_id, report_id),
    ).fetchone()
    return row is not None


def cancel(connection: Connection[TupleRow], tenant_id: str, report_id: UUID, cancelled_by: str) -> bool:
    """PENDING or GENERATING -> CANCELLED. Returns whether it did."""
    row = connection.execute(
        f"UPDATE resma.reports SET {NOT_WAITING}, status = 'CANCELLED', cancelled_by = %s,"
        " finished_at = clock_timestamp(), lease_until = NULL, error_code = NULL, error_detail = NULL"
        f" WHERE tenant_id = %s AND report_id = %s AND {IS_LIVE} RETURNING report_id",
        (cancelled_by, tenant_id, report_id),
    ).fetchone()
    return row is not None


def abandon(connection: Connection[TupleRow], tenant_id: str, report_id: UUID, *, if_exhausted: bool) -> bool:
    """-> FAILED with the last error, as a dead letter, for a report that no worker holds. Returns whether it did.

    With `if_exhausted`, only if it has no attempts left.
    """
    row = connection.execute(
        f"""
        UPDATE resma.reports
        SET {NOT_WAITING},
            status = 'FAILED', finished_at = clock_timestamp(), dead_lettered_at = clock_timestamp(),
            lease_until = NULL,
            -- If it is GENERATING, its error is that of an attempt before the last one.
            error_code = coalesce(CASE status WHEN 'PENDING' THEN error_code END,
                                  CASE attempt WHEN 0 THEN 'not-started' ELSE 'worker-died' END),
            error_detail = rtrim(coalesce(CASE status WHEN 'PENDING' THEN error_detail END, CASE attempt
                WHEN 0 THEN 'No worker could claim the job, for example because the database was unavailable'
                ELSE 'The worker ended without an error in attempt ' || attempt ||
                     ', for example because it ran out of memory or time. See its log' END), '.') ||
                '. Dead-lettered after ' || attempt || CASE attempt WHEN 1 THEN ' attempt' ELSE ' attempts' END ||
                '. Fix the cause, then redrive the report (POST /api/v1/dead-letters/' || report_id ||
                '/redrive) or request it again.'
        WHERE tenant_id = %s AND report_id = %s AND {_IS_FREE} AND (attempt >= attempts_allowed OR NOT %s)
        RETURNING report_id
        """,
        (tenant_id, report_id, if_exhausted),
    ).fetchone()
    return row is not None


def end_wait(connection: Connection[TupleRow], tenant_id: str, report_id: UUID, max_seconds: float) -> bool:
    """PENDING -> FAILED, as a dead letter, for a report that has waited longer than `max_seconds` for a dependency.

    Returns whether it did.
    """
    row = connection.execute(
        f"""
        UPDATE resma.reports
        SET status = 'FAILED', finished_at = clock_timestamp(), dead_lettered_at = clock_timestamp(),
            checkpoint = NULL, error_code = 'dependency-unavailable',
            error_detail = 'The ' || replace(waiting_for, '-', ' ') ||
                CASE waiting_for WHEN 'secrets' THEN ' were' ELSE ' was' END || ' unavailable since ' ||
                to_char(waiting_since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') ||
                ', which is longer than a report waits (MaxOutageWaitSeconds): ' || rtrim(waiting_detail, '.') ||
                '. When it is available again, redrive the report (POST /api/v1/dead-letters/' || report_id ||
                '/redrive) or request it again.',
            {NOT_WAITING}
        WHERE tenant_id = %s AND report_id = %s AND status = 'PENDING'
          AND waiting_since < clock_timestamp() - make_interval(secs => %s)
        RETURNING report_id
        """,
        (tenant_id, report_id, max_seconds),
    ).fetchone()
    return row is not None


def redrive(  # noqa: PLR0913, PLR0917  # which reports, and what is recorded
    connection: Connection[TupleRow],
    tenant_id: str | None,
    report_id: UUID | None,
    attempts: int,
    redriven_by: str,
    reason: str | None,
) -> list[tuple[str, UUID]]:
    """FAILED -> PENDING for dead letters, with `attempts` more attempts; puts them into the outbox and records it.

    Applies to one report, all reports of a tenant (`report_id` None) or of all tenants (both None). Returns the tenant
    and id of each. The next attempt starts from the first row, because checkpoints may have been removed.
    """
    return _redrive(connection, "dead_lettered_at IS NOT NULL", tenant_id, report_id, attempts, redriven_by, reason)


def retry_split(
    connection: Connection[TupleRow], tenant_id: str, report_id: UUID, attempts: int, retried_by: str
) -> bool:
    """FAILED -> PENDING for a split report that has shards, like a redrive. Returns whether it did.

    Its finished shards are kept. Call `resma.shards.transitions.retry_unfinished` in the same transaction.
    """
    has_shards: LiteralString = (
        "status = 'FAILED' AND split_by IS NOT NULL AND EXISTS (SELECT FROM resma.shards AS s"
        " WHERE s.tenant_id = reports.tenant_id AND s.report_id = reports.report_id)"
    )
    return bool(_redrive(connection, has_shards, tenant_id, report_id, attempts, retried_by, "Retry of failed files"))


def _redrive(  # noqa: PLR0913, PLR0917  # which reports, and what is recorded
    connection: Connection[TupleRow],
    condition: LiteralString,
    tenant_id: str | None,
    report_id: UUID | None,
    attempts: int,
    redriven_by: str,
    reason: str | None,
) -> list[tuple[str, UUID]]:
    rows = connection.execute(
        f"""
        WITH dead AS (
            SELECT tenant_id, report_id, redrives, attempt, error_code, error_detail FROM resma.reports
            WHERE {condition}
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


def expire(connection: Connection[TupleRow], max_reports: int) -> list[tuple[str, UUID]]:
    """READY -> EXPIRED for up to `max_reports` whose retention period is over and that are not held.

    Returns the tenant and id of each.

    It compares with statement_timestamp(), because with the volatile clock_timestamp() Postgres scans a whole index.
    """
    rows = connection.execute(
        """
        WITH old AS (
            SELECT tenant_id, report_id FROM resma.reports
            WHERE status = 'READY' AND NOT (held OR objects_held) AND expires_at < statement_timestamp()
            ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED
        )
        UPDATE resma.reports AS r SET status = 'EXPIRED', swept_at = NULL, sweep_after = NULL, charts = NULL,
            further_totals = NULL
        FROM old WHERE r.tenant_id = old.tenant_id AND r.report_id = old.report_id
        RETURNING r.tenant_id, r.report_id
        """,
        (max_reports,),
    ).fetchall()
    return [(tenant, report) for tenant, report in rows]


def delete_files(
    connection: Connection[TupleRow], tenant_id: str, report_id: UUID, deleted_by: str, deleted_from: str | None
) -> bool:
    """READY -> EXPIRED, because a caller deletes the files. Returns whether it did; a held report is not changed."""
    row = connection.execute(
        """
        UPDATE resma.reports
        SET status = 'EXPIRED', swept_at = NULL, sweep_after = NULL, charts = NULL, further_totals = NULL,
            expires_at = least(expires_at, clock_timestamp()), files_deleted_at = clock_timestamp(),
            files_deleted_by = %s, files_deleted_from = %s
        WHERE tenant_id = %s AND report_id = %s AND status = 'READY' AND NOT (held OR objects_held)
        RETURNING report_id
        """,
        (deleted_by, deleted_from, tenant_id, report_id),
    ).fetchone()
    return row is not None
