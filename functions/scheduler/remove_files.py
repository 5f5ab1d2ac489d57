"""Scheduler task: removes the files of deleted reports from the object store, and retries until they are removed."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from scheduler.clear_store import AT_ONCE, UNFINISHED_SECONDS, Leftovers, SweepOutcome, clear_store
from scheduler.resources import IsTimeLeft, SchedulerResources

REFUSED_SECONDS = 300
"""Pause after the store has refused to remove a report's files, so that the reports after it are not blocked."""


@dataclass(frozen=True, kw_only=True)
class _Deleted:
    tenant_id: str
    report_id: UUID
    attempts: int
    extensions: list[str]
    settled_at: datetime


def remove_files(resources: SchedulerResources, is_time_left: IsTimeLeft) -> int:
    """Removes the files of deleted reports; returns the number of reports. Stops when the store is unavailable.

    If a report's worker may still be writing, its files are removed once more when no worker can be running anymore.
    """
    removed = 0
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="remove") as threads:
        while is_time_left():
            outcomes = _remove_batch(resources, threads, is_time_left)
            removed += outcomes.count("swept")
            if len(outcomes) < AT_ONCE or "unavailable" in outcomes:
                break
    return removed


def _remove_batch(resources: SchedulerResources, threads: Executor, is_time_left: IsTimeLeft) -> list[SweepOutcome]:
    """Removes the files of a batch in one transaction. Skips records that another scheduler run has locked."""
    with resources.system.transaction(None) as connection:
        with connection.cursor(row_factory=class_row(_Deleted)) as cursor:
            cursor.execute(
                "SELECT tenant_id, report_id, attempts, extensions, settled_at FROM resma.deleted_reports"
                " WHERE next_removal_at <= clock_timestamp() ORDER BY next_removal_at LIMIT %s FOR UPDATE SKIP LOCKED",
                (AT_ONCE,),
            )
            reports = cursor.fetchall()
        outcomes = list(threads.map(lambda report: _remove(resources, report, is_time_left), reports))
        for report, outcome in zip(reports, outcomes, strict=True):
            if outcome == "swept":
                _record_removal(connection, report)
            elif outcome == "refused":
                _postpone(connection, report, REFUSED_SECONDS)
            elif outcome == "unfinished":
                _postpone(connection, report, UNFINISHED_SECONDS)
    return outcomes


def _remove(resources: SchedulerResources, report: _Deleted, is_time_left: IsTimeLeft) -> SweepOutcome:
    leftovers = Leftovers(report.tenant_id, report.report_id, report.attempts, frozenset(report.extensions))
    return clear_store(resources.s3, resources.bucket, leftovers, is_time_left)


def _record_removal(connection: Connection[TupleRow], report: _Deleted) -> None:
    """Marks the files as removed, or schedules a second removal for when no worker can be running anymore."""
    connection.execute(
        """
        UPDATE resma.deleted_reports
        SET files_removed_at = CASE WHEN settled_at <= clock_timestamp() THEN clock_timestamp() END,
            next_removal_at = CASE WHEN settled_at > clock_timestamp() THEN settled_at END
        WHERE tenant_id = %s AND report_id = %s
        """,
        (report.tenant_id, report.report_id),
    )


def _postpone(connection: Connection[TupleRow], report: _Deleted, seconds: int) -> None:
    connection.execute(
        "UPDATE resma.deleted_reports SET next_removal_at = clock_timestamp() + make_interval(secs => %s)"
        " WHERE tenant_id = %s AND report_id = %s",
        (seconds, report.tenant_id, report.report_id),
    )
