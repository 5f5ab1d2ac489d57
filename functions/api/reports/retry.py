"""Requests a report that ended without a file again: POST /api/v1/reports/{id}/retry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from resma.access.caller import Caller
from resma.database.connection import Database
from resma.jobs.report_rows import Report, find_report
from resma.report.format_options import options_of_formats
from resma.request_errors import ReportNotRetryableError, RequestInvalidError
from resma.requests.report_request import ReportRequest

RETRIED = frozenset({"FAILED", "CANCELLED", "EXPIRED", "SKIPPED"})


def find_request(
    database: Database, caller: Caller, report_id: UUID
) -> tuple[Caller, ReportRequest, Mapping[str, Any] | None]:
    """Returns the request of a report that ended without a file, the caller to send it as, and its sealed PDF key.

    The request of a SKIPPED report is returned without its conditions, so that the report is generated.

    The caller has fewer scopes if the receivers may belong to somebody who must not see personal data. Raises
    ReportNotFoundError, ReportNotRetryableError, and RequestInvalidError if the request is no longer valid.
    """
    with database.transaction(caller.tenant_id) as connection:
        report = find_report(connection, caller.tenant_id, report_id)
    if report.status not in RETRIED:
        raise ReportNotRetryableError(
            f"The report is {report.status}. Only FAILED, CANCELLED, EXPIRED and SKIPPED reports can be retried."
        )
    if (report.callback_url is not None or report.deliver_to) and report.personal_masked:
        # The first caller chose where the report is sent but was not allowed to see personal data, so none are sent
        # there.
        caller = replace(caller, scopes=caller.scopes - {"personal:read"})
    return caller, _request_of(report), report.pdf_key


def _request_of(report: Report) -> ReportRequest:
    try:
        return ReportRequest.model_validate(
            {
                "type": report.type,
                "formats": report.formats,
                "filters": report.filters,
                "splitBy": report.split_by,
                "zip": report.zip,
                "columns": report.columns,
                "locale": report.locale,
                "timeZone": report.time_zone,
                "title": report.title,
                "options": options_of_formats(report.formats, report.options),
                "callbackUrl": report.callback_url,
                "retentionDays": report.retention_days if report.retention_requested else None,
                "deliverTo": report.deliver_to,
                "encryptFor": report.encrypt_for_requested,
                "onlyIf": None if report.status == "SKIPPED" else report.only_if,
            }
        )
    except ValidationError as error:
        raise RequestInvalidError(
            f"The request of this report is no longer valid ({error.error_count()} parts of it). Send a new request."
        ) from error
