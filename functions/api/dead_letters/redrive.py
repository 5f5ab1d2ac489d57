"""Redrives dead letters: dead-lettered reports are PENDING again, with a full set of attempts."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from api.dead_letters.rows import redrive, redrive_all
from api.reports.split_progress import SplitCounts, count_splits
from resma.access.caller import Caller
from resma.access.quotas import require_quota
from resma.database.connection import Database
from resma.jobs.queue import JobQueue, send_jobs
from resma.jobs.report_rows import Report, find_report


def redrive_dead_letter(
    database: Database, queue: JobQueue, caller: Caller, report_id: UUID, reason: str | None
) -> tuple[Report, Mapping[UUID, SplitCounts]]:
    """Redrives one report and returns it, with the counts of a split report. It is PENDING.

    Raises ReportNotFoundError, QuotaExceededError, and DeadLetterNotFoundError for a report that is not dead-lettered.
    """
    with database.transaction(caller.tenant_id) as connection:
        redrive(connection, caller.tenant_id, report_id, caller.subject, reason)
        require_quota(connection, caller.tenant_id)
        report = find_report(connection, caller.tenant_id, report_id)
        splits = count_splits(connection, caller.tenant_id, [report])
    send_jobs(database, queue, caller.tenant_id, [report_id])
    return report, splits


def redrive_dead_letters(database: Database, queue: JobQueue, caller: Caller, reason: str | None) -> int:
    """Redrives all dead letters of the tenant, or none, and returns their number. Raises QuotaExceededError."""
    with database.transaction(caller.tenant_id) as connection:
        redriven = redrive_all(connection, caller.tenant_id, caller.subject, reason)
        require_quota(connection, caller.tenant_id)
    send_jobs(database, queue, caller.tenant_id, [redriven_id for _, redriven_id in redriven])
    return len(redriven)
