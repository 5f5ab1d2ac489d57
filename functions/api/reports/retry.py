"""POST /api/v1/reports/{id}/retry: the same request once more, by whoever asks now."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from pydantic import ValidationError

from resma.access.caller import Caller
from resma.database.connection import Database
from resma.errors import ReportNotRetryableError, RequestInvalidError
from resma.jobs.report_rows import Report, find_report
from resma.report.format_options import options_of_formats
from resma.requests.report_request import ReportRequest

RETRIED = frozenset({"FAILED", "CANCELLED", "EXPIRED"})


def find_request(database: Database, caller: Caller, report_id: UUID) -> tuple[Caller, ReportRequest]:
    """Returns what a report that has ended without a file was asked for by, and the caller in whose name it is again.

    Raises ReportNotFoundError, ReportNotRetryableError, and RequestInvalidError where such a request is no longer
    taken.
    """
    with database.transaction(caller.tenant_id) as connection:
        report = find_report(connection, caller.tenant_id, report_id)
    if report.status not in RETRIED:
        raise ReportNotRetryableError(
            f"the report is {report.status}: only one that is FAILED, CANCELLED or EXPIRED can be asked for again so"
        )
    if report.callback_url is not None and report.personal_masked:
        # Who named that address might not see what is personal, so it is not sent there by whoever may.
        caller = replace(caller, scopes=caller.scopes - {"personal:read"})
    return caller, _request_of(report)


def _request_of(report: Report) -> ReportRequest:
    try:
        return ReportRequest.model_validate(
            {
                "type": report.type,
                "formats": report.formats,
                "filters": report.filters,
                "columns": report.columns,
                "locale": report.locale,
                "timeZone": report.time_zone,
                "title": report.title,
                "options": options_of_formats(report.formats, report.options),
                "callbackUrl": report.callback_url,
            }
        )
    except ValidationError as error:
        raise RequestInvalidError(
            f"a request like that one is no longer taken ({error.error_count()} parts of it): ask for the report anew"
        ) from error
