"""Deletes the reports that contain the data of a person: POST /api/v1/erasures."""

from __future__ import annotations

from collections import Counter

from aws_lambda_powertools import Logger
from psycopg import Connection
from psycopg.rows import TupleRow

from api.erasures.matching import FoundReport, find_reports
from api.erasures.models import MAX_REPORTS, ErasedReport, ErasureOutcome, ErasureRequest, ErasureView
from resma.access.caller import Caller, require_scope
from resma.catalog import find_report_type
from resma.database.connection import Database
from resma.jobs.deletion import delete_files, delete_report
from resma.report.status import LIVE
from resma.request_errors import (
    FieldError,
    ReportHasNoFileError,
    ReportHeldError,
    ReportInProgressError,
    ReportNotReadyError,
    json_pointer,
)

logger = Logger(child=True)


def erase(database: Database, caller: Caller, request: ErasureRequest) -> ErasureView:
    """Lists the reports that contain the data, and deletes them unless it is a dry run. Safe to call twice.

    Held reports and reports in progress are kept. All reports of the response are deleted in one transaction; the
    scheduler removes their files. Raises RequestInvalidError, and ScopeMissingError if a filter is personal and the
    caller may not see its values: otherwise callers could find out by trial whose reports exist.
    """
    report_type = find_report_type(request.type)
    filters = report_type.check_named_filters(request.filters)
    for item in report_type.filters:
        if item.personal and item.name in filters:
            detail = "Remove it: it filters by a column that is masked for you."
            require_scope(caller, "personal:read", (FieldError(json_pointer("filters", item.name), detail),))
    with database.transaction(caller.tenant_id) as connection:
        found = find_reports(
            connection,
            caller.tenant_id,
            request.type,
            filters,
            MAX_REPORTS + 1,
            with_records=request.delete_records,
        )
        items = [
            ErasedReport(
                report_id=report.report_id,
                status=report.status,
                created_at=report.created_at,
                outcome=_outcome(report, request) if request.dry_run else _delete(connection, caller, report, request),
            )
            for report in found[:MAX_REPORTS]
        ]
    if not request.dry_run:
        # Without the values, which are personal data.
        counts = Counter(item.outcome for item in items)
        logger.info(
            "an erasure", tenant_id=caller.tenant_id, subject=caller.subject, type=request.type, outcomes=dict(counts)
        )
    return ErasureView(dry_run=request.dry_run, items=items, has_more=len(found) > MAX_REPORTS)


def _outcome(report: FoundReport, request: ErasureRequest) -> ErasureOutcome:
    """Returns whether a report would be deleted."""
    if report.held:
        return "HELD"
    if report.status in LIVE:
        return "IN_PROGRESS"
    return "FAILED" if report.status == "FAILED" and not request.delete_records else "FOUND"


def _delete(
    connection: Connection[TupleRow], caller: Caller, report: FoundReport, request: ErasureRequest
) -> ErasureOutcome:
    """Deletes a report or its files. Its row decides, because it may have changed since it was found."""
    try:
        if request.delete_records:
            delete_report(connection, caller, report.report_id)
            return "REPORT_DELETED"
        delete_files(connection, caller, report.report_id)
    except ReportHeldError:
        return "HELD"
    except (ReportInProgressError, ReportNotReadyError):
        return "IN_PROGRESS"
    except ReportHasNoFileError:
        return "FAILED"
    return "FILES_DELETED"
