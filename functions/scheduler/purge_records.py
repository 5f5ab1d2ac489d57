"""Scheduler task: deletes records that are older than the deployment keeps them (`RecordRetentionDays`).

The statements compare with `statement_timestamp()`, because Postgres cannot search an index for a volatile value such
as `clock_timestamp()`.
"""

from __future__ import annotations

from functools import partial
from typing import LiteralString

from scheduler.resources import IsTimeLeft, SchedulerResources, do_in_batches

_AT_ONCE = 500
"""Maximum number of rows per transaction. A report's events, deliveries and attempts are deleted with it."""

_STATEMENTS: tuple[LiteralString, ...] = (
    # Only reports whose files are removed: without its row a file could not be found.
    """
    DELETE FROM resma.reports WHERE (tenant_id, report_id) IN (
        SELECT tenant_id, report_id FROM resma.reports
        WHERE swept_at IS NOT NULL AND status <> 'READY'
          AND finished_at < statement_timestamp() - make_interval(days => %(days)s)
        ORDER BY finished_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
    """,
    """
    DELETE FROM resma.deleted_reports WHERE (tenant_id, report_id) IN (
        SELECT tenant_id, report_id FROM resma.deleted_reports
        WHERE files_removed_at IS NOT NULL AND deleted_at < statement_timestamp() - make_interval(days => %(days)s)
        ORDER BY deleted_at LIMIT %(limit)s)
    """,
    """
    DELETE FROM resma.download_links WHERE (tenant_id, link_id) IN (
        SELECT tenant_id, link_id FROM resma.download_links
        WHERE minted_at < statement_timestamp() - make_interval(days => %(days)s)
        ORDER BY minted_at LIMIT %(limit)s)
    """,
    # Deliveries of reports are deleted with their reports.
    """
    DELETE FROM resma.file_deliveries WHERE (tenant_id, delivery_id) IN (
        SELECT tenant_id, delivery_id FROM resma.file_deliveries
        WHERE report_id IS NULL AND created_at < statement_timestamp() - make_interval(days => %(days)s)
        ORDER BY created_at LIMIT %(limit)s)
    """,
    """
    DELETE FROM resma.schedule_runs WHERE (tenant_id, schedule_id, scheduled_for) IN (
        SELECT tenant_id, schedule_id, scheduled_for FROM resma.schedule_runs
        WHERE started_at < statement_timestamp() - make_interval(days => %(days)s)
        ORDER BY started_at LIMIT %(limit)s)
    """,
    """
    DELETE FROM resma.row_counts WHERE (tenant_id, day) IN (
        SELECT tenant_id, day FROM resma.row_counts
        WHERE day < (statement_timestamp() AT TIME ZONE 'UTC')::date - %(days)s
        ORDER BY day LIMIT %(limit)s)
    """,
)


def purge_records(resources: SchedulerResources, is_time_left: IsTimeLeft) -> int:
    """Deletes old reports with everything that refers to them, and old records of deletions, download links, test
    deliveries, schedule runs and usage; returns how many. Deletes nothing if records are kept without a limit.
    """
    if not resources.record_retention_days:
        return 0
    purged = 0
    for statement in _STATEMENTS:
        if purged and not is_time_left():
            break
        purged += do_in_batches(partial(_purge, resources, statement), _AT_ONCE, is_time_left)
    return purged


def _purge(resources: SchedulerResources, statement: LiteralString) -> int:
    values = {"days": resources.record_retention_days, "limit": _AT_ONCE}
    with resources.system.transaction(None) as connection:
        return connection.execute(statement, values).rowcount
