"""Deletes a report that has ended, with its files and all its data: DELETE /api/v1/reports/{id}."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from aws_lambda_powertools import Logger

from api.reports.models import DeletionView
from resma.access.caller import Caller, subject_for
from resma.database.connection import Database
from resma.jobs.deletion import delete_report as delete_row

logger = Logger(child=True)


def delete_report(database: Database, caller: Caller, report_id: UUID) -> DeletionView:
    """Deletes a report and returns the record of the deletion. Safe to call twice.

    The scheduler removes the files. Raises ReportNotFoundError, and ReportInProgressError for a report that has not
    ended.
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
