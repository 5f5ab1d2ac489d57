"""GET /api/v1/reports/{id}/download: an address minted at this moment, good for an hour."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from aws_lambda_powertools import Logger

from resma.access.caller import Caller, require_scope
from resma.database.connection import Database
from resma.errors import ReportExpiredError, ReportFileNotFoundError, ReportHasNoFileError, ReportNotReadyError
from resma.jobs.download_links import LinkRecipient, PresignedLink, Signer, presign_download
from resma.jobs.personal_data import shows_personal
from resma.jobs.report_rows import Report, StoredFile, find_report

logger = Logger(child=True)


def download_report(
    database: Database, signer: Signer, caller: Caller, report_id: UUID, format_: str | None
) -> PresignedLink:
    """Returns a presigned address of a report's file: the first one, or that of a format. It is on record.

    Raises ReportNotFoundError; ScopeMissingError where the file shows personal columns and the caller may not see them;
    ReportNotReadyError before there is a file, ReportHasNoFileError if there will be none; ReportExpiredError;
    ReportFileNotFoundError where the report was not asked for in that format.
    """
    with database.transaction(caller.tenant_id) as connection:
        report = find_report(connection, caller.tenant_id, report_id)
        if shows_personal(report):
            require_scope(caller, "personal:read")
        file = _require_file(report, format_)
        address = presign_download(connection, signer, report, file, LinkRecipient(caller.subject, caller.address))
    about: dict[str, Any] = {"report_id": str(report_id), "tenant_id": caller.tenant_id}
    logger.info("a download address was minted", **about, format=file["format"])
    return address


def _require_file(report: Report, format_: str | None) -> StoredFile:
    if format_ is not None and format_ not in report.formats:
        raise ReportFileNotFoundError(f"the report was not asked for as {format_}: it has {', '.join(report.formats)}")
    if report.status == "EXPIRED":
        raise ReportExpiredError("the file's time is over: ask for the report again")
    if report.status in {"FAILED", "CANCELLED"}:
        raise ReportHasNoFileError(f"the report is {report.status}, there is no file: ask for it again")
    if report.status != "READY" or not report.files:
        raise ReportNotReadyError(f"the report is {report.status}: ask its status until it is READY")
    for failed in report.failed_files or ():
        if failed["format"] == format_:
            raise ReportFileNotFoundError(f"The {format_} file of this report could not be made. {failed['detail']}")
    return next(file for file in report.files if format_ in {None, file["format"]})
