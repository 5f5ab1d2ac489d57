"""How a job ends, or is sent on, by somebody who is not its worker: cancelled, revived, given up. And what every end
leaves: its event.
"""

from __future__ import annotations

from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.access.quotas import give_back_rows
from resma.errors import ReportFinishedError
from resma.jobs import transitions
from resma.jobs.completed_event import EventType
from resma.jobs.report_rows import find_report
from resma.webhooks.deliveries import owe_deliveries

OVERLOOKED_SECONDS = 150
"""An expired lease that nobody has found for that long ended in an outage of the system's database. Of a worker that
died the queue or the scheduler finds it within two minutes; a worker that has lost the database waits for longer than
this (`worker/database_retry.py`)."""


def cancel_job(connection: Connection[TupleRow], tenant_id: str, report_id: UUID, cancelled_by: str) -> bool:
    """PENDING or GENERATING -> CANCELLED, with the completion event; returns whether it was this call that did it.

    Its worker finds out by its next heartbeat. Raises ReportNotFoundError, and ReportFinishedError where it has ended
    otherwise.
    """
    if not transitions.cancel(connection, tenant_id, report_id, cancelled_by):
        if (status := find_report(connection, tenant_id, report_id).status) != "CANCELLED":
            raise ReportFinishedError(
                f"the report is {status} already: only one that is PENDING or GENERATING can be cancelled"
            )
        return False
    record_end(connection, tenant_id, report_id, "report.cancelled")
    return True


def excuse_outage(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> bool:
    """GENERATING -> PENDING, with one attempt more, where an outage of the system's database has ended the lease.

    Returns whether it did. Call it before anything that counts attempts: it tells the outage from a worker that died
    by how long nobody could find the lease (`OVERLOOKED_SECONDS`).
    """
    return transitions.excuse(connection, tenant_id, report_id, OVERLOOKED_SECONDS)


def revive_job(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> bool:
    """Puts a job that the queue has given up into the outbox, if it has attempts left; returns whether it did.

    The queue counts receives, and the row counts attempts: while the database is away no worker can claim, and a
    duplicate of a running job's message only finds it taken.
    """
    excuse_outage(connection, tenant_id, report_id)
    return transitions.requeue(connection, tenant_id, report_id)


def abandon_job(
    connection: Connection[TupleRow], tenant_id: str, report_id: UUID, *, if_exhausted: bool = False
) -> bool:
    """FAILED with the last error, and a dead letter: for a job that nobody will try again by himself.

    Returns whether the row was changed. With `if_exhausted`, only if it has had all attempts that it is allowed.
    Leaves alone what is finished, and what a worker still has: a duplicate of its message was given up then.
    """
    if not transitions.abandon(connection, tenant_id, report_id, if_exhausted=if_exhausted):
        return False
    record_end(connection, tenant_id, report_id, "report.failed")
    return True


def fail_waiting_job(connection: Connection[TupleRow], tenant_id: str, report_id: UUID, max_seconds: float) -> bool:
    """PENDING -> FAILED, as a dead letter, for a job that has waited for dependencies for longer than that in a row.

    Returns whether it did. The time counts from the first attempt in a row that a dependency ended, or that was not
    begun because its circuit was open (`waiting_since`).
    """
    if not transitions.end_wait(connection, tenant_id, report_id, max_seconds):
        return False
    record_end(connection, tenant_id, report_id, "report.failed")
    return True


def record_end(connection: Connection[TupleRow], tenant_id: str, report_id: UUID, type_: EventType) -> None:
    """The event and its deliveries to whoever wants to be told: all exist or none. Rows that were counted and not read
    are given back to the tenant.

    A report that was redriven ends again, with another event; what it died of stays with the one that told of it.
    """
    if type_ != "report.ready":
        give_back_rows(connection, tenant_id, report_id)
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
