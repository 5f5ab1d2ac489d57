"""Creates a presigned URL of one file of a split report: GET /api/v1/reports/{id}/files/{number}/download."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from aws_lambda_powertools import Logger
from psycopg import Connection
from psycopg.rows import TupleRow

from api.report_files.access import require_split_files
from api.report_files.rows import find_split_file
from resma.access.caller import Caller, require_scope
from resma.database.connection import Database
from resma.jobs.download_links import Download, LinkRecipient, PresignedLink, Signer, presign_download
from resma.jobs.personal_data import shows_personal
from resma.jobs.report_rows import Report, find_report
from resma.report.status import LIVE
from resma.request_errors import ReportFileNotFoundError, ReportNotReadyError

logger = Logger(child=True)

FILE_NUMBER_PATTERN = "^[1-9][0-9]{0,17}$"


def download_file(  # noqa: PLR0913, PLR0917  # clients, the caller and the file
    database: Database, signer: Signer, caller: Caller, report_id: UUID, number: str, format_: str | None
) -> PresignedLink:
    """Returns a presigned URL of a file in a format, or in the first format of the report. The download is recorded.

    Raises ReportNotFoundError; ScopeMissingError if the file shows personal data and the caller is not allowed to see
    them; ReportFileNotFoundError if the report has no such file; ReportNotReadyError if it may still be made;
    ReportExpiredError; ReportHasNoFileError.
    """
    with database.transaction(caller.tenant_id) as connection:
        report = find_report(connection, caller.tenant_id, report_id)
        if shows_personal(report):
            require_scope(caller, "personal:read")
        require_split_files(report)
        file = _find(connection, report, number, format_ or report.formats[0])
        download = presign_download(connection, signer, report, file, LinkRecipient(caller.subject, caller.address))
    about: dict[str, Any] = {"report_id": str(report_id), "tenant_id": caller.tenant_id}
    logger.info("a download URL was created", **about, format=file.format, number=number)
    return download


def _find(connection: Connection[TupleRow], report: Report, number: str, format_: str) -> Download:
    if format_ not in report.formats:
        raise ReportFileNotFoundError(
            f"The report does not have the format {format_}. It has {', '.join(report.formats)}."
        )
    is_number = re.fullmatch(FILE_NUMBER_PATTERN, number, re.ASCII) is not None
    file = find_split_file(connection, report.tenant_id, report.report_id, int(number), format_) if is_number else None
    if file is None:
        may_follow = is_number and (report.keys_expected is None or int(number) <= report.keys_expected)
        if may_follow and report.status in LIVE:
            raise ReportNotReadyError(f"The {format_} file {number} has not been made yet. Try again later.")
        files = f"GET /api/v1/reports/{report.report_id}/files lists its files."
        raise ReportFileNotFoundError(f"The report does not have a {format_} file {number}. {files}")
    if file.object_key is None:
        raise ReportFileNotFoundError(
            f"The {format_} file {number} of this report could not be generated. {file.error_detail}"
        )
    return Download(file.format, file.object_key, file.name)
