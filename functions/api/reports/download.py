"""Creates presigned URLs of files, valid for one hour: GET /api/v1/reports/{id}/download."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from aws_lambda_powertools import Logger

from resma.access.caller import Caller, require_scope
from resma.database.connection import Database
from resma.jobs.download_links import (
    Download,
    LinkRecipient,
    PresignedLink,
    Signer,
    SplitObject,
    download_of,
    presign_download,
    split_download_of,
)
from resma.jobs.personal_data import shows_personal
from resma.jobs.report_rows import Report, StoredFile, find_report
from resma.request_errors import ReportExpiredError, ReportFileNotFoundError, ReportHasNoFileError, ReportNotReadyError

logger = Logger(child=True)


def download_report(  # noqa: PLR0913, PLR0917  # clients, the caller and the file
    database: Database,
    signer: Signer,
    caller: Caller,
    report_id: UUID,
    format_: str | None,
    split_object: SplitObject | None = None,
) -> PresignedLink:
    """Returns a presigned URL of a report's first file, of its file in a format, or of an object of a split report.

    The default for a split report is its manifest. The download is recorded.

    Raises ReportNotFoundError; ScopeMissingError if the file shows personal columns and the caller is not allowed to
    see them; ReportNotReadyError if the report is in progress; ReportHasNoFileError if it ended without a file;
    ReportExpiredError; ReportFileNotFoundError if the report does not have a file in this format, or no such object.
    """
    with database.transaction(caller.tenant_id) as connection:
        report = find_report(connection, caller.tenant_id, report_id)
        if shows_personal(report):
            require_scope(caller, "personal:read")
        if report.split_by is not None:
            found = _require_split_object(report, format_, split_object)
        else:
            found = download_of(report, _require_file(report, format_, split_object))
        download = presign_download(connection, signer, report, found, LinkRecipient(caller.subject, caller.address))
    about: dict[str, Any] = {"report_id": str(report_id), "tenant_id": caller.tenant_id}
    logger.info("a download URL was created", **about, format=found.format)
    return download


def _require_file(report: Report, format_: str | None, split_object: SplitObject | None) -> StoredFile:
    if split_object is not None:
        raise ReportFileNotFoundError(f"The report is not split and has no {split_object}. Remove `file`.")
    if format_ is not None and format_ not in report.formats:
        raise ReportFileNotFoundError(
            f"The report does not have the format {format_}. It has {', '.join(report.formats)}."
        )
    if report.status == "EXPIRED":
        raise _expired(report)
    if report.status in {"FAILED", "CANCELLED", "SKIPPED"}:
        raise ReportHasNoFileError(f"The report is {report.status} and has no file. Request it again.")
    if report.status != "READY" or not report.files:
        raise ReportNotReadyError(f"The report is {report.status}. Poll its status until it is READY.")
    for failed in report.failed_files or ():
        if failed["format"] == format_:
            raise ReportFileNotFoundError(
                f"The {format_} file of this report could not be generated. {failed['detail']}"
            )
    return next(file for file in report.files if format_ in {None, file["format"]})


def _require_split_object(report: Report, format_: str | None, split_object: SplitObject | None) -> Download:
    files = f"GET /api/v1/reports/{report.report_id}/files lists its files."
    if format_ is not None:
        raise ReportFileNotFoundError(f"The report is split and has a file for each key. {files}")
    if report.status == "EXPIRED":
        raise _expired(report)
    if report.status in {"CANCELLED", "SKIPPED"}:
        raise ReportHasNoFileError(f"The report is {report.status} and has no files. Request it again.")
    if report.status == "FAILED":
        raise ReportHasNoFileError(f"The report is {report.status} and has no manifest. {files}")
    if report.status != "READY" or report.manifest is None:
        raise ReportNotReadyError(f"The report is {report.status}. Poll its status until it is READY. {files}")
    found = split_download_of(report, report.manifest, split_object or "manifest")
    if found is None:
        raise ReportFileNotFoundError("The report was requested without `zip`, so that it has no ZIP archive.")
    return found


def _expired(report: Report) -> ReportExpiredError:
    if (at := report.files_deleted_at) is not None:
        return ReportExpiredError(
            f"The files of this report were deleted at {at:%Y-%m-%dT%H:%M:%SZ}. Request it again."
        )
    return ReportExpiredError("The files of this report have expired and were deleted. Request the report again.")
