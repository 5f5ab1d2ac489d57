"""The tick's tasks for what has had its time: files, and the keys of requests.

By the statement's time: for one that moves (clock_timestamp) Postgres would look through all of an index.
"""

from __future__ import annotations

from typing import LiteralString

from aws_lambda_powertools import Logger

from resma.jobs import transitions
from scheduler.resources import IsTimeLeft, Resources, do_in_batches

logger = Logger(child=True)

_AT_ONCE = 1000
"""Rows of a transaction: a short one, however much is left from a day when no tick came."""


def expire_reports(resources: Resources, is_time_left: IsTimeLeft) -> int:
    """READY -> EXPIRED where the files' time is over; returns how many.

    Links to them end here. The objects go when the report is swept, which it is due for from now on.
    """
    return do_in_batches(lambda: _expire_some(resources), _AT_ONCE, is_time_left)


def _expire_some(resources: Resources) -> int:
    with resources.system.transaction(None) as connection:
        expired = transitions.expire(connection, _AT_ONCE)
    for tenant_id, report_id in expired:
        logger.info("a report has expired", report_id=str(report_id), tenant_id=tenant_id)
    return len(expired)


def forget_idempotency_keys(resources: Resources, is_time_left: IsTimeLeft) -> int:
    """Deletes the Idempotency-Keys that are older than files may get; returns how many."""
    statement = """
        DELETE FROM resma.idempotency_keys WHERE (tenant_id, idempotency_key) IN (
            SELECT tenant_id, idempotency_key FROM resma.idempotency_keys
            WHERE created_at < statement_timestamp() - make_interval(days => %s)
            ORDER BY created_at LIMIT %s)
        """
    return do_in_batches(lambda: _delete(resources, statement, resources.retention_days), _AT_ONCE, is_time_left)


def _delete(resources: Resources, statement: LiteralString, days: int) -> int:
    with resources.system.transaction(None) as connection:
        return connection.execute(statement, (days, _AT_ONCE)).rowcount
