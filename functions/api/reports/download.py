"""Creates presigned URLs of files, valid for one hour: GET /api/v1/reports/{id}/download."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from aws_lambda_powertools import Logger

from resma.access.caller import Caller, require_scope
from resma.database.connection import Database
from resma.jobs.download_links import LinkRecipient, PresignedLink, Signer, presign_download
from resma.jobs.personal_data import shows_personal
from resma.jobs.report_rows import Report, StoredFile, find_report
from resma.request_errors import ReportExpiredError, ReportFileNotFoundError, ReportHasNoFileError, ReportNotReadyError

logger = Logger(child=True)


def download_report(
    database: Database, signer: Signer, caller: Caller, report_id: UUID, format_: str | None
) -> PresignedLink:
    """Returns a presigned URL of a report's first file, or of its file in a format. The download is recorded.

    Raises ReportNotFoundError; ScopeMissingError if the file shows personal columns and the caller is not allowed to
    see them; ReportNotReadyError if the report is in progress; ReportHasNoFileError if it ended without a file;
    ReportExpiredError; ReportFileNotFoundError if the report does not have a file in this format.
    """
    with database.transaction(caller.tenant_id) as connection:
        report = find_report(connection, caller.tenant_id, report_id)
        if shows_personal(report):
            require_scope(caller, "personal:read")
        file = _require_file(report, format_)
        download = presign_download(connection, signer, report, file, LinkRecipient(caller.subject, caller.address))
    about: dict[str, Any] = {"report_id": str(report_id), "tenant_id": caller.tenant_id}
    logger.info("a download URL was created", **about, format=file["format"])
    return download


def _require_file(report: Report, format_: str | None) -> StoredFile:
    if format_ is not None and format_ not in report.formats:
        raise ReportFileNotFoundError(
            f"The report does not have the format {format_}. It has {', '.join(report.formats)}."
        )
    if report.status == "EXPIRED":
        raise ReportExpiredError("The files of this report have expired and were deleted. Request the report again.")
    if report.status in {"FAILED", "CANCELLED"}:
        raise ReportHasNoFileError(f"The report is {report.status} and has no file. Request it again.")
    if report.status != "READY" or not report.files:
        raise ReportNotReadyError(f"The report is {report.status}. Poll its status until it is READY.")
    for failed in report.failed_files or ():
        if failed["format"] == format_:
            raise ReportFileNotFoundError(
                f"The {format_} file of this report could not be generated. {failed['detail']}"
            )
    return next(file for file in report.files if format_ in {None, file["format"]})
