"""The tick's task for jobs whose worker died: they go back into the outbox, or are given up."""

from __future__ import annotations

import time
from uuid import UUID

from aws_lambda_powertools import Logger
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.aws.metrics import emit_dead_lettered
from resma.jobs import transitions
from resma.jobs.outcome import abandon_job, recover_from_outage
from scheduler.resources import BATCH, IsTimeLeft, Resources, do_in_batches

logger = Logger(child=True)

ORPHANED_SECONDS = 15
"""How long after its lease's end a job may wait for the queue to deliver its message again: that of a worker that died
comes within 5 s of it (worker/heartbeat.py)."""

_GIVEN_UP = "a job whose worker died was abandoned"
_EXCUSED = "a job whose attempt an outage of the database has ended was requeued"
_REQUEUED = "a job whose worker died was requeued"

LOOK_AGAIN_SECONDS = 8
"""Between two looks at expired leases: after an outage of the database a worker that lives renews its own within that
time, a pause of 1 s and a connection's time-out of 5 s."""


def free_orphans(resources: Resources, is_time_left: IsTimeLeft) -> int:
    """Puts jobs whose worker died, and whose message did not come back, into the outbox; returns how many.

    One that has had its last attempt is FAILED instead: it would only kill the next worker.
    """
    if not _has_orphans(resources):
        return 0
    time.sleep(LOOK_AGAIN_SECONDS)
    return do_in_batches(lambda: _free_some(resources), BATCH, is_time_left)


def _has_orphans(resources: Resources) -> bool:
    with resources.system.transaction(None) as connection:
        row = connection.execute(
            "SELECT FROM resma.reports"
            " WHERE status = 'GENERATING' AND lease_until < clock_timestamp() - make_interval(secs => %s) LIMIT 1",
            (ORPHANED_SECONDS,),
        ).fetchone()
    return row is not None


def _free_some(resources: Resources) -> int:
    with resources.system.transaction(None) as connection:
        orphans = connection.execute(
            """
            SELECT tenant_id, report_id FROM resma.reports
            WHERE status = 'GENERATING' AND lease_until < clock_timestamp() - make_interval(secs => %s)
            ORDER BY lease_until LIMIT %s FOR UPDATE SKIP LOCKED
            """,
            (ORPHANED_SECONDS + LOOK_AGAIN_SECONDS, BATCH),
        ).fetchall()
        freed = [(*orphan, _free(connection, *orphan)) for orphan in orphans]
    for tenant_id, report_id, what_was_done in freed:
        logger.warning(what_was_done, report_id=str(report_id), tenant_id=tenant_id)
        if what_was_done == _GIVEN_UP:
            emit_dead_lettered(tenant_id, report_id)
    return len(freed)


def _free(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> str:
    """Returns what was done, for the log."""
    is_excused = recover_from_outage(connection, tenant_id, report_id)
    if abandon_job(connection, tenant_id, report_id, if_exhausted=True):
        return _GIVEN_UP
    transitions.requeue(connection, tenant_id, report_id)
    return _EXCUSED if is_excused else _REQUEUED
