"""Cancels a report that is in progress: POST /api/v1/reports/{id}/cancel."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from aws_lambda_powertools import Logger

from api.reports.split_progress import SplitCounts, count_splits
from resma.access.caller import Caller
from resma.events.announcer import Announcer
from resma.jobs.outcome import cancel_job
from resma.jobs.report_rows import Report, find_report

logger = Logger(child=True)


def cancel_report(announcer: Announcer, caller: Caller, report_id: UUID) -> tuple[Report, Mapping[UUID, SplitCounts]]:
    """Cancels a report and returns it, with the counts of a split report. Safe to call twice.

    The worker stops when it next renews its lease, about a second later. Raises ReportNotFoundError, and
    ReportFinishedError for a report that has already ended.
    """
    with announcer.system.transaction(caller.tenant_id) as connection:
        is_new = cancel_job(connection, caller.tenant_id, report_id, caller.subject)
        report = find_report(connection, caller.tenant_id, report_id)
        splits = count_splits(connection, caller.tenant_id, [report])
    if is_new:
        logger.info("a report was cancelled", report_id=str(report_id), tenant_id=caller.tenant_id)
        announcer.announce(caller.tenant_id, report_id)
    return report, splits
