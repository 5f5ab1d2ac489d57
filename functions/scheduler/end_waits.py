"""Scheduler task: fails reports that have waited for an unavailable dependency for too long."""

from __future__ import annotations

from aws_lambda_powertools import Logger

from resma.aws.metrics import emit_dead_lettered
from resma.jobs.outcome import fail_waiting_job
from scheduler.resources import BATCH, IsTimeLeft, SchedulerResources, do_in_batches

logger = Logger(child=True)


def end_waits(resources: SchedulerResources, is_time_left: IsTimeLeft) -> int:
    """Dead-letters the reports that have waited for longer than `max_outage_wait_seconds`; returns how many.

    Usually a worker does this when the queue delivers the report's message again.
    """
    return do_in_batches(lambda: _end_batch(resources), BATCH, is_time_left)


def _end_batch(resources: SchedulerResources) -> int:
    seconds = resources.max_outage_wait_seconds
    with resources.system.transaction(None) as connection:
        overdue = connection.execute(
            """
            SELECT tenant_id, report_id FROM resma.reports
            WHERE status = 'PENDING' AND waiting_for IS NOT NULL
              AND waiting_since < statement_timestamp() - make_interval(secs => %s)
            ORDER BY waiting_since LIMIT %s FOR UPDATE SKIP LOCKED
            """,
            (seconds, BATCH),
        ).fetchall()
        ended = [row for row in overdue if fail_waiting_job(connection, row[0], row[1], seconds)]
    for tenant_id, report_id in ended:
        logger.warning(
            "a report has waited for a dependency for too long", report_id=str(report_id), tenant_id=tenant_id
        )
        emit_dead_lettered(tenant_id, report_id)
    return len(ended)
