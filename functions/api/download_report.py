"""GET /api/v1/reports/{id}/download: an address minted at this moment, good for an hour."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from resma.catalogue import find_report_type
from resma.database import Database
from resma.download import presign_download
from resma.errors import Fault, ReportExpired, ReportNotReady, RequestInvalid
from resma.reports import Report, StoredFile, find_report

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


def download_report(  # noqa: PLR0913, PLR0917  # whose, which, and from where
    database: Database, s3: S3Client, bucket: str, tenant_id: str, report_id: UUID, format_: str | None
) -> str:
    """Returns a presigned address of a report's file: the first one, or that of a format.

    Raises ReportNotFound; ReportNotReady before there is a file, or if there will be none; ReportExpired;
    RequestInvalid where the report was not asked for in that format.
    """
    with database.transaction(tenant_id) as connection:
        report = find_report(connection, tenant_id, report_id)
    return presign_download(s3, bucket, report, _require_file(report, format_), find_report_type(report.type))


def _require_file(report: Report, format_: str | None) -> StoredFile:
    if format_ is not None and format_ not in report.formats:
        fault = Fault("/format", f"the report has {', '.join(report.formats)}")
        raise RequestInvalid(f"the report was not asked for as {format_}", (fault,))
    if report.status == "EXPIRED":
        raise ReportExpired("the file's time is over: ask for the report again")
    if report.status in {"FAILED", "CANCELLED"}:
        raise ReportNotReady(f"the report is {report.status}, there is no file: ask for it again")
    if report.status != "READY" or not report.files:
        raise ReportNotReady(f"the report is {report.status}: ask its status until it is READY")
    return next(file for file in report.files if format_ in {None, file["format"]})
