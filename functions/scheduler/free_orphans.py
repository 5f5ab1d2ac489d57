"""The tick's task for jobs whose worker died: they go back into the outbox, or are given up."""

from __future__ import annotations

from uuid import UUID

from aws_lambda_powertools import Logger
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.job_end import give_up_job
from resma.metrics import emit_given_up
from scheduler.resources import BATCH, IsTimeLeft, Resources, do_in_batches

logger = Logger(child=True)

ORPHANED_SECONDS = 15
"""How long after its lease's end a job may wait for the queue to deliver its message again: that of a worker that died
comes within 5 s of it (worker/heartbeat.py)."""


def free_orphans(resources: Resources, is_time_left: IsTimeLeft) -> int:
    """Puts jobs whose worker died, and whose message did not come back, into the outbox; returns how many.

    One that has had its last attempt is FAILED instead: it would only kill the next worker.
    """
    return do_in_batches(lambda: _free_some(resources), BATCH, is_time_left)


def _free_some(resources: Resources) -> int:
    with resources.system.transaction(None) as connection:
        orphans = connection.execute(
            """
            SELECT tenant_id, report_id, attempt >= attempts_allowed FROM resma.reports
            WHERE status = 'GENERATING' AND lease_until < clock_timestamp() - make_interval(secs => %s)
            ORDER BY lease_until LIMIT %s FOR UPDATE SKIP LOCKED
            """,
            (ORPHANED_SECONDS, BATCH),
        ).fetchall()
        for tenant_id, report_id, is_exhausted in orphans:
            if is_exhausted:
                give_up_job(connection, tenant_id, report_id)
            else:
                _put_into_outbox(connection, tenant_id, report_id)
    for tenant_id, report_id, is_exhausted in orphans:
        said = "a job whose worker died was given up" if is_exhausted else "a job whose worker died goes back"
        logger.warning(said, report_id=str(report_id), tenant_id=tenant_id)
        if is_exhausted:
            emit_given_up(tenant_id, report_id)
    return len(orphans)


def _put_into_outbox(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> None:
    connection.execute(
        "UPDATE resma.reports SET status = 'PENDING', lease_until = NULL, enqueued_at = NULL"
        " WHERE tenant_id = %s AND report_id = %s",
        (tenant_id, report_id),
    )
