"""The tick's tasks for what has had its time: files, the keys of requests, the history of schedules.

By the statement's time: for one that moves (clock_timestamp) Postgres would look through all of an index.
"""

from __future__ import annotations

from typing import LiteralString

from aws_lambda_powertools import Logger

from scheduler.resources import IsTimeLeft, Resources, do_in_batches

logger = Logger(child=True)

_AT_ONCE = 1000
"""Rows of a transaction: a short one, however much is left from a day when no tick came."""

RUN_DAYS = 400
"""How long a schedule's runs are kept: a yearly one has its last there."""


def expire_reports(resources: Resources, is_time_left: IsTimeLeft) -> int:
    """READY -> EXPIRED where the files' time is over; returns how many.

    Links to them end here. The objects go when the report is swept, which it is due for from now on.
    """
    return do_in_batches(lambda: _expire_some(resources), _AT_ONCE, is_time_left)


def _expire_some(resources: Resources) -> int:
    with resources.system.transaction(None) as connection:
        expired = connection.execute(
            """
            WITH old AS (
                SELECT tenant_id, report_id FROM resma.reports
                WHERE status = 'READY' AND expires_at < statement_timestamp()
                ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED
            )
            UPDATE resma.reports AS r SET status = 'EXPIRED', swept_at = NULL, sweep_after = NULL, charts = NULL
            FROM old WHERE r.tenant_id = old.tenant_id AND r.report_id = old.report_id
            RETURNING r.tenant_id, r.report_id
            """,
            (_AT_ONCE,),
        ).fetchall()
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


def forget_schedule_runs(resources: Resources, is_time_left: IsTimeLeft) -> int:
    """Deletes what became of schedules' times long ago; returns how many. A schedule by the minute has many."""
    statement = """
        DELETE FROM resma.schedule_runs WHERE (tenant_id, schedule_id, scheduled_for) IN (
            SELECT tenant_id, schedule_id, scheduled_for FROM resma.schedule_runs
            WHERE started_at < statement_timestamp() - make_interval(days => %s)
            ORDER BY started_at LIMIT %s)
        """
    return do_in_batches(lambda: _delete(resources, statement, RUN_DAYS), _AT_ONCE, is_time_left)


def _delete(resources: Resources, statement: LiteralString, days: int) -> int:
    with resources.system.transaction(None) as connection:
        return connection.execute(statement, (days, _AT_ONCE)).rowcount
