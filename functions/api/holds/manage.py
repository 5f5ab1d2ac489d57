"""Places, releases and lists legal holds of a report."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from aws_lambda_powertools import Logger

from api.holds.models import HoldList, HoldView
from api.reports.models import ReportView
from api.reports.split_progress import count_splits
from api.reports.view import show_report
from resma.access.caller import Caller, subject_for
from resma.database.connection import Database
from resma.jobs.holds import list_holds as select_holds
from resma.jobs.holds import release_hold, set_hold
from resma.jobs.report_rows import find_report

logger = Logger(child=True)


def hold_report(database: Database, caller: Caller, report_id: UUID, reason: str, base_url: str) -> ReportView:
    """Places a hold on a READY report, and returns the report. Safe to call twice.

    Raises ReportNotFoundError, and ReportNotReadyError, ReportHasNoFileError or ReportExpiredError for a report that
    has no files.
    """
    return _change(database, caller, report_id, reason, base_url)


def release_report(database: Database, caller: Caller, report_id: UUID, base_url: str) -> ReportView:
    """Releases the hold of a report, if it has one, and returns the report. Raises ReportNotFoundError."""
    return _change(database, caller, report_id, None, base_url)


def list_holds(database: Database, caller: Caller, report_id: UUID) -> HoldList:
    """Returns the history of a report's holds. Raises ReportNotFoundError."""
    with database.transaction(caller.tenant_id) as connection:
        holds = select_holds(connection, caller.tenant_id, report_id)
    items = [
        HoldView(
            reason=hold.reason,
            placed_at=hold.placed_at,
            placed_by=subject_for(caller, hold.placed_by),
            released_at=hold.released_at,
            released_by=hold.released_by and subject_for(caller, hold.released_by),
        )
        for hold in holds
    ]
    return HoldList(items=items)


def _change(database: Database, caller: Caller, report_id: UUID, reason: str | None, base_url: str) -> ReportView:
    """Places a hold for a reason, or releases it if the reason is None."""
    with database.transaction(caller.tenant_id) as connection:
        if reason is not None:
            is_changed = set_hold(connection, caller, report_id, reason)
        else:
            is_changed = release_hold(connection, caller, report_id)
        report = find_report(connection, caller.tenant_id, report_id)
        splits = count_splits(connection, caller.tenant_id, [report])
    if is_changed:
        about: dict[str, Any] = {"report_id": str(report_id), "tenant_id": caller.tenant_id, "subject": caller.subject}
        logger.info("a hold was released" if reason is None else "a hold was placed", **about)
    return show_report(report, base_url, caller, splits=splits)
