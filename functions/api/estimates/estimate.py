"""Estimates a report before it is requested: POST /api/v1/reports/estimate. Nothing is stored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import ceil

from api.estimates.arithmetic import (
    Observation,
    Paging,
    RequestedFile,
    estimate_bytes,
    estimate_pages,
    estimate_seconds,
    has_been_made,
)
from api.estimates.models import EstimateView, FileEstimate, QueueEstimate
from api.estimates.recent_reports import find_lines_per_page, find_recent, observe
from api.estimates.warnings import Facts, find_warnings
from api.reports.progress import find_queue
from resma.access.caller import Caller
from resma.access.quotas import find_quota_usage
from resma.catalog import ReportType, find_locale, find_report_type, settings_in_use
from resma.database.connection import Database
from resma.errors import QueryInvalidError, UnknownTimeZoneError
from resma.jobs.personal_data import personal_content
from resma.report.content import ReportContent
from resma.report.format_options import FormatOptions, PdfParts
from resma.request_errors import FieldError, ReportQueryRefusedError, RequestInvalidError
from resma.requests.receivers import find_receiver_errors
from resma.requests.report_request import ReportRequest
from resma.requests.submit import check_request
from resma.snapshot.row_estimate import RowEstimate
from resma.snapshot.snapshot import open_snapshot
from resma.writers import file_extension
from resma.writers.limits import Readability, check_page_width


@dataclass(frozen=True)
class Estimator:
    """Databases and limits that an estimate uses."""

    system: Database
    source: Database
    """Database that reports read. Its connection is released after the query."""
    records: Database
    """The system's database, for reports about Resma's own records. Its connection is released after the query."""
    worker_seconds: int
    """Timeout of a worker invocation in seconds."""


def estimate_report(
    estimator: Estimator, caller: Caller, request: ReportRequest, more_errors: Iterable[FieldError] = ()
) -> EstimateView:
    """Returns the estimate. Raises the errors that requesting the report raises, except quotas, which are warnings.

    Raises ReportQueryRefusedError, DatabaseUnavailableError, DatabaseBusyError.
    """
    field_errors = list(more_errors)
    if request.deliver_to or request.encrypt_for:
        with estimator.system.transaction(caller.tenant_id) as connection:
            field_errors += find_receiver_errors(connection, caller, request)
    content = check_request(caller, request, field_errors)
    report_type = find_report_type(request.type)
    database = estimator.records if report_type.database == "system" else estimator.source
    counted = _estimate_rows(database, caller.tenant_id, report_type, content)
    with estimator.system.transaction(caller.tenant_id) as connection:
        files_seen, timings = observe(report_type, find_recent(connection, caller.tenant_id, content.type))
        queue = find_queue(connection, caller.tenant_id, content.type, content.formats)
        room = find_quota_usage(connection, caller.tenant_id)
    files = counted.keys or 1
    requested = _requested_files(report_type, content, ceil(counted.rows / files))
    seconds = estimate_seconds([replace(file, rows=counted.rows) for file in requested.values()], timings, files)
    columns, _ = personal_content(content) or ([], [])
    facts = Facts(
        counted=counted,
        formats=content.formats,
        seconds=seconds,
        worker_seconds=estimator.worker_seconds,
        room=room,
        masked=columns if content.personal_masked else [],
        unseen=[name for name, file in requested.items() if not has_been_made(file, files_seen)],
        csv_for_excel=FormatOptions.model_validate(content.options).csv.profile == "excel",
        page=_page(report_type, content) if "PDF" in requested else None,
        is_split=content.split_by is not None,
    )
    return EstimateView(
        rows=counted.rows,
        is_exact=counted.is_exact,
        keys=counted.keys,
        files=[_file(report_type, content, name, file, files_seen).times(files) for name, file in requested.items()],
        seconds=seconds,
        queue=QueueEstimate(ahead=queue.ahead, seconds=queue.wait_seconds),
        warnings=find_warnings(facts),
    )


def _estimate_rows(source: Database, tenant_id: str, report_type: ReportType, content: ReportContent) -> RowEstimate:
    try:
        with (
            source.temporary_connection() as connection,
            open_snapshot(connection, report_type, tenant_id, content.filters, content.time_zone) as snapshot,
        ):
            return snapshot.estimate_rows(content.split_by or ())
    except UnknownTimeZoneError as error:
        raise RequestInvalidError.of([FieldError("/timeZone", str(error))]) from error
    except QueryInvalidError as error:
        raise ReportQueryRefusedError(f"The report would fail: {error}") from error


def _requested_files(report_type: ReportType, content: ReportContent, rows: int) -> dict[str, RequestedFile]:
    options = FormatOptions.model_validate(content.options)
    cells = len(report_type.choose_columns(content.columns))
    has_cover = _parts(report_type, options).cover is not False
    return {
        format_: RequestedFile(
            file_extension(format_, options), rows, content.columns, cells, has_cover or format_ != "PDF"
        )
        for format_ in content.formats
    }


def _parts(report_type: ReportType, options: FormatOptions) -> PdfParts:
    """Returns the parts of a PDF, by the request, the report type and the catalog's settings."""
    return options.pdf.or_else(report_type.pdf).or_else(settings_in_use().pdf)


def _page(report_type: ReportType, content: ReportContent) -> Readability:
    options = FormatOptions.model_validate(content.options).pdf
    columns = report_type.choose_columns(content.columns)
    return check_page_width(columns, find_locale(content.locale), report_type.orientation, options)


def _file(
    report_type: ReportType, content: ReportContent, format_: str, requested: RequestedFile, seen: list[Observation]
) -> FileEstimate:
    pages = None
    if format_ == "PDF":
        options = FormatOptions.model_validate(content.options)
        pages = estimate_pages(
            requested,
            seen,
            Paging(
                find_lines_per_page(report_type, content.locale, options),
                wraps=any(column.wrap for column in report_type.choose_columns(content.columns)),
                has_subtotals=report_type.subtotals is not None,
                has_contents=report_type.period is not None and _parts(report_type, options).contents is not False,
                groups=_page(report_type, content).groups,
            ),
        )
    return FileEstimate.model_validate({"format": format_, "bytes": estimate_bytes(requested, seen), "pages": pages})
