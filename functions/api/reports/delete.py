"""Deletes a report that has ended, with its files and all its data, or its files only.

DELETE /api/v1/reports/{id} and DELETE /api/v1/reports/{id}/files.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from aws_lambda_powertools import Logger

from api.reports.models import DeletionView, ReportView
from api.reports.split_progress import count_splits
from api.reports.view import show_report
from resma.access.caller import Caller, subject_for
from resma.database.connection import Database
from resma.jobs.deletion import delete_files
from resma.jobs.deletion import delete_report as delete_row
from resma.jobs.report_rows import find_report

logger = Logger(child=True)


def delete_report(database: Database, caller: Caller, report_id: UUID) -> DeletionView:
    """Deletes a report and returns the record of the deletion. Safe to call twice.

    The scheduler removes the files. Raises ReportNotFoundError, ReportInProgressError for a report that has not
    ended, and ReportHeldError.
    """
    with database.transaction(caller.tenant_id) as connection:
        deletion, is_new = delete_row(connection, caller, report_id)
    if is_new:
        about: dict[str, Any] = {"report_id": str(report_id), "tenant_id": caller.tenant_id, "subject": caller.subject}
        logger.info("a report was deleted", **about)
    return DeletionView(
        id=deletion.report_id,
        type=deletion.type,
        created_at=deletion.created_at,
        deleted_at=deletion.deleted_at,
        deleted_by=subject_for(caller, deletion.deleted_by),
        files_removed_at=deletion.files_removed_at,
    )


def delete_report_files(database: Database, caller: Caller, report_id: UUID, base_url: str) -> ReportView:
    """Deletes the files of a READY report, and returns the report, which is EXPIRED. Safe to call twice.

    The scheduler removes the objects. Raises ReportNotFoundError, ReportHeldError, and ReportNotReadyError or
    ReportHasNoFileError for a report that has no files.
    """
    with database.transaction(caller.tenant_id) as connection:
        is_new = delete_files(connection, caller, report_id)
        report = find_report(connection, caller.tenant_id, report_id)
        splits = count_splits(connection, caller.tenant_id, [report])
    if is_new:
        about: dict[str, Any] = {"report_id": str(report_id), "tenant_id": caller.tenant_id, "subject": caller.subject}
        logger.info("the files of a report were deleted", **about)
    return show_report(report, base_url, caller, splits=splits)
