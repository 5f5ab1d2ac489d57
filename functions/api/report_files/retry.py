"""Continues a FAILED split report with its missing files: POST /api/v1/reports/{id}/files/retry."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from aws_lambda_powertools import Logger
from psycopg import Connection
from psycopg.rows import TupleRow

from api.report_files.access import require_split_files
from api.reports.split_progress import SplitCounts, count_splits
from resma.access.caller import Caller
from resma.access.quotas import require_quota
from resma.database.connection import Database
from resma.jobs import transitions
from resma.jobs.claim import MAX_ATTEMPTS
from resma.jobs.queue import JobQueue, send_jobs
from resma.jobs.report_rows import Report, find_report
from resma.report.status import LIVE
from resma.request_errors import ReportNotRetryableError
from resma.shards.transitions import retry_unfinished

logger = Logger(child=True)


def retry_files(
    database: Database, queue: JobQueue, caller: Caller, report_id: UUID
) -> tuple[Report, Mapping[UUID, SplitCounts]]:
    """Continues a FAILED split report and returns it with its counts. It has no effect on a report in progress.

    Raises ReportNotFoundError; ReportFileNotFoundError for a report that is not split; ReportNotRetryableError for a
    report that is READY, or that failed before its keys were counted; ReportExpiredError; ReportHasNoFileError for a
    cancelled report; QuotaExceededError.
    """
    with database.transaction(caller.tenant_id) as connection:
        report = find_report(connection, caller.tenant_id, report_id)
        require_split_files(report)
        is_retried = report.status not in LIVE and _retry(connection, report, caller)
        report = find_report(connection, caller.tenant_id, report_id)
        splits = count_splits(connection, caller.tenant_id, [report])
    if is_retried:
        logger.info("failed files are retried", report_id=str(report_id), tenant_id=caller.tenant_id)
        send_jobs(database, queue, caller.tenant_id, [report_id])
    return report, splits


def _retry(connection: Connection[TupleRow], report: Report, caller: Caller) -> bool:
    """FAILED -> PENDING; returns False if another request has just done so."""
    if not transitions.retry_split(connection, report.tenant_id, report.report_id, MAX_ATTEMPTS, caller.subject):
        status = find_report(connection, report.tenant_id, report.report_id).status
        if status in LIVE:
            return False
        if status == "READY":
            raise ReportNotRetryableError("The report is READY, so that no files are missing.")
        raise ReportNotRetryableError(
            "The report failed before its keys were counted, so that it has no files to keep. Request it again "
            f"(POST /api/v1/reports/{report.report_id}/retry)."
        )
    retry_unfinished(connection, [(report.tenant_id, report.report_id)], MAX_ATTEMPTS)
    require_quota(connection, report.tenant_id)
    return True
