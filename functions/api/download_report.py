"""GET /api/v1/reports/{id}/download: an address minted at this moment, good for an hour."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from resma.catalogue import find_report_type
from resma.database import Database
from resma.download import presign_download
from resma.errors import ReportExpired, ReportNotReady
from resma.reports import Report, find_report

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


def download_report(database: Database, s3: S3Client, bucket: str, tenant_id: str, report_id: UUID) -> str:
    """Returns a presigned address of the report's file.

    Raises ReportNotFound; ReportNotReady before there is a file, or if there will be none; ReportExpired.
    """
    with database.transaction() as connection:
        report = find_report(connection, tenant_id, report_id)
    _require_file(report)
    return presign_download(s3, bucket, report, find_report_type(report.type))


def _require_file(report: Report) -> None:
    if report.status == "EXPIRED":
        raise ReportExpired("the file's time is over: ask for the report again")
    if report.status in {"FAILED", "CANCELLED"}:
        raise ReportNotReady(f"the report is {report.status}, there is no file: ask for it again")
    if report.status != "READY":
        raise ReportNotReady(f"the report is {report.status}: ask its status until it is READY")
