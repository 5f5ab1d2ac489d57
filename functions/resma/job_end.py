"""How a job ends, or is sent on, by somebody who is not its worker: cancelled, revived, given up. And what every end
leaves: its event.
"""

from __future__ import annotations

from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.errors import ReportEnded
from resma.reports import find_report
from resma.webhook_deliveries import EventType, owe_deliveries

REVIVAL_HOURS = 6
"""How long after its request a job whose receives were used up without attempts is sent again."""


def cancel_job(connection: Connection[TupleRow], tenant_id: str, report_id: UUID, cancelled_by: str) -> bool:
    """PENDING or GENERATING -> CANCELLED, with the completion event; returns whether it was this call that did it.

    Its worker finds out by its next heartbeat. Raises ReportNotFound, and ReportEnded where it has ended otherwise.
    """
    row = connection.execute(
        """
        UPDATE resma.reports
        SET status = 'CANCELLED', cancelled_by = %s, finished_at = clock_timestamp(), lease_until = NULL,
            error_code = NULL, error_detail = NULL
        WHERE tenant_id = %s AND report_id = %s AND status IN ('PENDING', 'GENERATING')
        RETURNING report_id
        """,
        (cancelled_by, tenant_id, report_id),
    ).fetchone()
    if row is None:
        if (status := find_report(connection, tenant_id, report_id).status) != "CANCELLED":
            raise ReportEnded(
                f"the report is {status} already: only one that is PENDING or GENERATING can be cancelled"
            )
        return False
    record_end(connection, tenant_id, report_id, "report.cancelled")
    return True


def revive_job(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> bool:
    """Puts a job that the queue has given up into the outbox, if it has attempts left; returns whether it did.

    The queue counts receives, and not each is an attempt: while the database is away no worker can claim, and a
    duplicate of a running job's message only finds it taken. Some hours after its turn came (or
    the redrive, or the last checkpoint) it ends all the same.
    """
    row = connection.execute(
        """
        UPDATE resma.reports SET status = 'PENDING', lease_until = NULL, enqueued_at = NULL
        WHERE tenant_id = %s AND report_id = %s AND attempt < attempts_allowed
          AND greatest(coalesce(redriven_at, created_at), slot_at, (checkpoint ->> 'at')::timestamptz)
              > clock_timestamp() - make_interval(hours => %s)
          AND (status = 'PENDING' OR (status = 'GENERATING' AND lease_until < clock_timestamp()))
        RETURNING report_id
        """,
        (tenant_id, report_id, REVIVAL_HOURS),
    ).fetchone()
    return row is not None


def give_up_job(
    connection: Connection[TupleRow], tenant_id: str, report_id: UUID, *, if_exhausted: bool = False
) -> bool:
    """FAILED with the last error, and a dead letter: for a job that nobody will try again by himself.

    Returns whether the row was changed. With `if_exhausted`, only if it has had all attempts that it is allowed.
    Leaves alone what is finished, and what a worker still has: a duplicate of its message was given up then.
    """
    row = connection.execute(
        """
        UPDATE resma.reports
        SET status = 'FAILED', finished_at = clock_timestamp(), dead_lettered_at = clock_timestamp(),
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
        WHERE tenant_id = %s AND report_id = %s
          AND (status = 'PENDING' OR (status = 'GENERATING' AND lease_until < clock_timestamp()))
          AND (attempt >= attempts_allowed OR NOT %s)
        RETURNING report_id
        """,
        (tenant_id, report_id, if_exhausted),
    ).fetchone()
    if row is not None:
        record_end(connection, tenant_id, report_id, "report.failed")
    return row is not None


def record_end(connection: Connection[TupleRow], tenant_id: str, report_id: UUID, type_: EventType) -> None:
    """The event and its deliveries to whoever wants to be told: all exist or none.

    A report that was redriven ends again, with another event; what it died of stays with the one that told of it.
    """
    row = connection.execute(
        """
        INSERT INTO resma.events (tenant_id, event_id, report_id, type, redrive, error_code, error_detail)
        SELECT tenant_id, %s || CASE redrives WHEN 0 THEN '' ELSE '_' || redrives END, report_id, %s, redrives,
               error_code, error_detail
        FROM resma.reports WHERE tenant_id = %s AND report_id = %s
        RETURNING event_id
        """,
        (f"evt_{report_id.hex}", type_, tenant_id, report_id),
    ).fetchone()
    assert row is not None  # the report has just been updated
    owe_deliveries(connection, tenant_id, row[0])
