"""Scheduler task: requeues jobs whose worker died, or dead-letters them if they have no attempts left."""

from __future__ import annotations

import time
from uuid import UUID

from aws_lambda_powertools import Logger
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.aws.metrics import emit_dead_lettered
from resma.jobs import transitions
from resma.jobs.outcome import abandon_job, recover_from_outage
from scheduler.resources import BATCH, IsTimeLeft, SchedulerResources, do_in_batches

logger = Logger(child=True)

ORPHANED_SECONDS = 15
"""Seconds after the end of its lease at which a job counts as orphaned.

If a worker dies, the queue delivers its message again within 5 s of the lease's end (worker/heartbeat.py).
"""

_DEAD_LETTERED = "a job whose worker died was dead-lettered"
_EXCUSED = "a job whose attempt was ended by an outage of the database was requeued"
_REQUEUED = "a job whose worker died was requeued"

LOOK_AGAIN_SECONDS = 8
"""Pause between two looks at expired leases.

After an outage of the database a live worker renews its lease within that time: after a pause of 1 s and a connection's
timeout of 5 s.
"""


def requeue_orphaned_jobs(resources: SchedulerResources, is_time_left: IsTimeLeft) -> int:
    """Requeues jobs whose worker died and whose message was not delivered again; returns how many.

    A job without attempts left is dead-lettered instead: it would only kill the next worker.
    """
    if not _has_orphans(resources):
        return 0
    time.sleep(LOOK_AGAIN_SECONDS)
    return do_in_batches(lambda: _requeue_batch(resources), BATCH, is_time_left)


def _has_orphans(resources: SchedulerResources) -> bool:
    with resources.system.transaction(None) as connection:
        row = connection.execute(
            "SELECT FROM resma.reports"
            " WHERE status = 'GENERATING' AND lease_until < clock_timestamp() - make_interval(secs => %s) LIMIT 1",
            (ORPHANED_SECONDS,),
        ).fetchone()
    return row is not None


def _requeue_batch(resources: SchedulerResources) -> int:
    with resources.system.transaction(None) as connection:
        orphans = connection.execute(
            """
            SELECT tenant_id, report_id FROM resma.reports
            WHERE status = 'GENERATING' AND lease_until < clock_timestamp() - make_interval(secs => %s)
            ORDER BY lease_until LIMIT %s FOR UPDATE SKIP LOCKED
            """,
            (ORPHANED_SECONDS + LOOK_AGAIN_SECONDS, BATCH),
        ).fetchall()
        results = [(*orphan, _requeue(connection, *orphan)) for orphan in orphans]
    for tenant_id, report_id, message in results:
        logger.warning(message, report_id=str(report_id), tenant_id=tenant_id)
        if message == _DEAD_LETTERED:
            emit_dead_lettered(tenant_id, report_id)
    return len(results)


def _requeue(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> str:
    """Requeues or dead-letters a job; returns a log message that says which."""
    is_excused = recover_from_outage(connection, tenant_id, report_id)
    if abandon_job(connection, tenant_id, report_id, if_exhausted=True):
        return _DEAD_LETTERED
    transitions.requeue(connection, tenant_id, report_id)
    return _EXCUSED if is_excused else _REQUEUED
