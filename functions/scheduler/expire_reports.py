"""Scheduler tasks: expire reports and delete Idempotency-Keys whose retention period is over.

The statements compare with `statement_timestamp()`, because Postgres cannot search an index for a volatile value such
as `clock_timestamp()`.
"""

from __future__ import annotations

from typing import LiteralString

from aws_lambda_powertools import Logger

from resma.jobs import transitions
from scheduler.resources import IsTimeLeft, SchedulerResources, do_in_batches

logger = Logger(child=True)

_AT_ONCE = 1000
"""Maximum number of rows per transaction, so that transactions stay short even after a day without scheduler runs."""


def expire_reports(resources: SchedulerResources, is_time_left: IsTimeLeft) -> int:
    """READY -> EXPIRED for reports whose retention period is over; returns how many.

    Download links to them stop working. The sweep, for which the report is now due, removes the objects.
    """
    return do_in_batches(lambda: _expire_batch(resources), _AT_ONCE, is_time_left)


def _expire_batch(resources: SchedulerResources) -> int:
    with resources.system.transaction(None) as connection:
        expired = transitions.expire(connection, _AT_ONCE)
    for tenant_id, report_id in expired:
        logger.info("a report has expired", report_id=str(report_id), tenant_id=tenant_id)
    return len(expired)


def purge_idempotency_keys(resources: SchedulerResources, is_time_left: IsTimeLeft) -> int:
    """Deletes the Idempotency-Keys that are older than the retention period of files; returns how many."""
    statement = """
        DELETE FROM resma.idempotency_keys WHERE (tenant_id, idempotency_key) IN (
            SELECT tenant_id, idempotency_key FROM resma.idempotency_keys
            WHERE created_at < statement_timestamp() - make_interval(days => %s)
            ORDER BY created_at LIMIT %s)
        """
    return do_in_batches(lambda: _delete(resources, statement, resources.retention_days), _AT_ONCE, is_time_left)


def _delete(resources: SchedulerResources, statement: LiteralString, days: int) -> int:
    with resources.system.transaction(None) as connection:
        return connection.execute(statement, (days, _AT_ONCE)).rowcount
