"""Changes of a job that do not require its claim: cancel, recover, abandon, and the end of a wait."""

from __future__ import annotations

from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.access.quotas import release_unused_quota
from resma.destinations.deliveries import insert_report_deliveries
from resma.jobs import transitions
from resma.jobs.completed_event import EventType
from resma.jobs.report_rows import find_report
from resma.request_errors import ReportFinishedError
from resma.webhooks.deliveries import insert_deliveries

UNNOTICED_LEASE_SECONDS = 150
"""Time since the expiration of a lease that proves an outage of the system database.

If a worker has crashed, the queue or the scheduler notices its expired lease within two minutes. A worker that has lost
the database waits for longer than this (`worker/database_retry.py`).
"""


def cancel_job(connection: Connection[TupleRow], tenant_id: str, report_id: UUID, cancelled_by: str) -> bool:
    """PENDING or GENERATING -> CANCELLED, with the completion event. Returns whether this call cancelled the job.

    Its worker notices at its next heartbeat. Raises ReportNotFoundError, and ReportFinishedError if the report has
    ended with another status.
    """
    if not transitions.cancel(connection, tenant_id, report_id, cancelled_by):
        if (status := find_report(connection, tenant_id, report_id).status) != "CANCELLED":
            raise ReportFinishedError(
                f"The report is already {status}. Only a report that is PENDING or GENERATING can be cancelled."
            )
        return False
    record_end(connection, tenant_id, report_id, "report.cancelled")
    return True


def recover_from_outage(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> bool:
    """GENERATING -> PENDING, with one more attempt, if the lease expired during an outage of the system database.

    Returns whether it did. Call it before any function that counts attempts. It distinguishes an outage from a crashed
    worker by the time since the lease expired (`UNNOTICED_LEASE_SECONDS`).
    """
    return transitions.recover(connection, tenant_id, report_id, UNNOTICED_LEASE_SECONDS)


def requeue_job(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> bool:
    """Puts a job whose message was dead-lettered by the queue into the outbox, if it has attempts left.

    Returns whether it did. The queue counts receives, while the row counts attempts: while the database is unavailable
    no worker can claim, and a duplicate message of a running job finds it claimed.
    """
    recover_from_outage(connection, tenant_id, report_id)
    return transitions.requeue(connection, tenant_id, report_id)


def abandon_job(
    connection: Connection[TupleRow], tenant_id: str, report_id: UUID, *, if_exhausted: bool = False
) -> bool:
    """-> FAILED with the last error, as a dead letter, for a job that is not attempted again automatically.

    Returns whether the row was changed. With `if_exhausted`, only if it has no attempts left. Does not change a job
    that has ended, or whose lease a worker holds: then a duplicate of its message was dead-lettered.
    """
    if not transitions.abandon(connection, tenant_id, report_id, if_exhausted=if_exhausted):
        return False
    record_end(connection, tenant_id, report_id, "report.failed")
    return True


def fail_waiting_job(connection: Connection[TupleRow], tenant_id: str, report_id: UUID, max_seconds: float) -> bool:
    """PENDING -> FAILED, as a dead letter, for a job that has waited for dependencies for longer than `max_seconds`.

    Returns whether it did. The time counts from the first attempt in a row that a dependency ended, or that did not
    start because the circuit was open (`waiting_since`).
    """
    if not transitions.end_wait(connection, tenant_id, report_id, max_seconds):
        return False
    record_end(connection, tenant_id, report_id, "report.failed")
    return True


def record_end(connection: Connection[TupleRow], tenant_id: str, report_id: UUID, type_: EventType) -> None:
    """Inserts the completion event with its webhook deliveries, and the deliveries of the files of a READY report.

    Releases rows that were counted but not read.

    Call it in the transaction that ends the report. A report that is redriven ends again, with another event; each
    event keeps the error that the report ended with.
    """
    if type_ != "report.ready":
        release_unused_quota(connection, tenant_id, report_id)
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
    insert_deliveries(connection, tenant_id, row[0])
    if type_ == "report.ready":
        insert_report_deliveries(connection, tenant_id, report_id)
