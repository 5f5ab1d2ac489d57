"""Routes that list, show, download, cancel and delete reports: /api/v1/reports."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayRouter
from pydantic import BeforeValidator

from api.auth.scopes import needs
from api.context import POLL_SECONDS, announcer, base_url, caller_of, database, signer
from api.http.cursor import CURSOR_PATTERN, OFFSET_PATTERN
from api.http.ids import REPORT_ID, parse_report_id
from api.http.timestamps import DATE_TIME_PATTERN
from api.reports.cancel import cancel_report
from api.reports.delete import delete_report
from api.reports.download import download_report
from api.reports.listing import ListQuery, list_reports
from api.reports.models import DeletionView, DownloadLink, ReportList, ReportView
from api.reports.status import find_status
from api.reports.summary import SummaryQuery, show_summary
from api.reports.summary_models import SummaryView
from api.reports.view import show_report
from resma.catalog import require_locale
from resma.jobs.download_links import PresignedLink, SplitObject
from resma.report.status import Status
from resma.string_patterns import NO_NUL
from resma.writers import Format

router = APIGatewayRouter()  # type: ignore[no-untyped-call]

_DATE_TIME = {"format": "date-time", "pattern": DATE_TIME_PATTERN}
ID_PREFIX_PATTERN = "^[0-9a-fA-F][0-9a-fA-F-]{3,35}$"
"""Pattern of an id prefix. It has at least four characters, so that few reports match."""


def _require_boolean(value: object) -> object:
    """Rejects `yes`, `on` and `1`, which pydantic would accept."""
    if value not in {"true", "false", False}:
        raise ValueError("It must be `true` or `false`.")
    return value


ReportId = Annotated[
    str, Path(description="Id of the report.", json_schema_extra={"format": "uuid", "pattern": REPORT_ID})
]

AsLink = Annotated[
    bool,
    BeforeValidator(_require_boolean),
    Query(description="Whether to return the URL in the body instead of a redirect."),
]


def answer_download(download: PresignedLink, *, as_link: bool) -> Response[DownloadLink | None]:
    """Returns 303 with a presigned URL in `Location`, or with `as_link` 200 with the URL in the body."""
    headers: dict[str, str | list[str]] = {"Cache-Control": "no-store"}
    if as_link:
        view = DownloadLink(url=download.url, expires_at=download.expires_at, file_name=download.file_name)
        return Response(HTTPStatus.OK, "application/json", view, headers=headers)
    return Response(HTTPStatus.SEE_OTHER, headers={"Location": download.url, **headers})


@router.get(
    "/api/v1/reports",
    operation_id="listReports",
    summary="List reports",
    description="Lists the reports of your tenant, newest first, in pages.",
    response_description="A page of reports.",
    tags=["Reports"],
    security=needs("reports:read"),
)
def handle_get_reports(  # noqa: PLR0913, PLR0917  # one parameter for each filter
    status: Annotated[Status | None, Query(description="Only reports with this status.")] = None,
    type_: Annotated[
        str | None, Query(alias="type", pattern="^[A-Z][A-Z0-9_]{0,99}$", description="Only reports of this type.")
    ] = None,
    format_: Annotated[Format | None, Query(alias="format", description="Only reports in this format.")] = None,
    created_after: Annotated[
        str | None,
        Query(
            alias="createdAfter",
            json_schema_extra={**_DATE_TIME},
            description="Only reports that were requested at this timestamp or later.",
        ),
    ] = None,
    created_before: Annotated[
        str | None,
        Query(
            alias="createdBefore",
            json_schema_extra={**_DATE_TIME},
            description="Only reports that were requested before this timestamp.",
        ),
    ] = None,
    id_prefix: Annotated[
        str | None,
        Query(
            alias="idPrefix",
            pattern=ID_PREFIX_PATTERN,
            description="Only reports whose id begins with these characters.",
        ),
    ] = None,
    requested_by: Annotated[
        str | None,
        Query(
            alias="requestedBy",
            min_length=1,
            max_length=300,
            pattern=NO_NUL,
            description="Only reports with this `requestedBy`; `me` is the caller. The subject of another token "
            "requires the scope `personal:read`.",
        ),
    ] = None,
    search: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=200,
            pattern=NO_NUL,
            description="Only reports whose title contains this text, ignoring case, or whose id begins with it.",
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Maximum number of reports per page.")] = 50,
    cursor: Annotated[
        str | None,
        Query(json_schema_extra={"pattern": CURSOR_PATTERN}, description="Position of the page, as in `next`."),
    ] = None,
) -> ReportList:
    """Handles GET: returns a page of reports, with the URL of the next page."""
    query = ListQuery(
        status, type_, format_, created_after, created_before, id_prefix, requested_by, search, limit, cursor
    )
    return list_reports(database(), caller_of(router), query, base_url(router))


@router.get(
    "/api/v1/reports/<report_id>",
    operation_id="getReport",
    summary="Get a report",
    description="Shows the status and progress of a report, and its files once it is READY.",
    response_description="The report.",
    tags=["Reports"],
    security=needs("reports:read"),
)
def handle_get_report(
    report_id: ReportId,
) -> Response[ReportView]:
    """Handles GET: returns a report, with `Retry-After` while it is in progress."""
    view = find_status(database(), caller_of(router), parse_report_id(report_id), base_url(router))
    is_in_progress = view.status in {"PENDING", "GENERATING"}
    headers: dict[str, str | list[str]] = {"Retry-After": str(POLL_SECONDS)} if is_in_progress else {}
    return Response(HTTPStatus.OK, "application/json", view, headers=headers)


@router.get(
    "/api/v1/reports/<report_id>/download",
    operation_id="downloadReport",
    summary="Download a file of a report",
    status_code=HTTPStatus.SEE_OTHER,
    description="Redirects to a presigned URL that is valid for one hour. Each request creates a new one. With "
    "`link=true` the URL is in the body of the response instead, for clients such as browsers, which would send "
    "their key along with a redirect. The file of a split report is its manifest; the files of its keys have URLs "
    "of their own.",
    tags=["Reports"],
    security=needs("reports:read"),
    responses={
        HTTPStatus.OK: {
            "description": "With `link=true`: the URL of the file.",
            "content": {"application/json": {"model": DownloadLink}},
        },
        HTTPStatus.SEE_OTHER: {"description": "The file is at the URL in `Location`."},
    },
)
def handle_get_download(
    report_id: ReportId,
    format_: Annotated[
        Format | None, Query(alias="format", description="Format of the file; the first file by default.")
    ] = None,
    file: Annotated[
        SplitObject | None,
        Query(
            description="For split reports: `manifest` (default), `list` for the list of all files, or `zip` for the "
            "archive of all files."
        ),
    ] = None,
    link: AsLink = False,
) -> Response[DownloadLink | None]:
    """Handles GET: returns 303 with a new presigned URL in `Location`, or 200 with the URL in the body."""
    download = download_report(database(), signer(), caller_of(router), parse_report_id(report_id), format_, file)
    return answer_download(download, as_link=link)


@router.get(
    "/api/v1/reports/<report_id>/summary",
    operation_id="getReportSummary",
    summary="Get the totals and charts of a report",
    description="Shows the row count, totals and charts of the snapshot that the files are generated from. It is "
    "available from when the snapshot has been counted until the files expire. The totals are paged; each page has "
    "everything else.",
    response_description="The summary.",
    tags=["Reports"],
    security=needs("reports:read"),
)
def handle_get_summary(
    report_id: ReportId,
    limit: Annotated[int, Query(ge=1, le=1000, description="Maximum number of totals per page.")] = 100,
    cursor: Annotated[
        str | None,
        Query(json_schema_extra={"pattern": OFFSET_PATTERN}, description="Position of the page, as in `next`."),
    ] = None,
    locale: Annotated[
        str | None,
        Query(description="Language of chart titles and of labels of known codes. Default: the locale of the report."),
    ] = None,
) -> SummaryView:
    """Handles GET: returns the summary, or 409 if the snapshot has not been counted."""
    if locale is not None:
        require_locale(locale)
    query = SummaryQuery(limit, cursor, locale)
    return show_summary(database(), caller_of(router), parse_report_id(report_id), query, base_url(router))


@router.post(
    "/api/v1/reports/<report_id>/cancel",
    operation_id="cancelReport",
    summary="Cancel a report",
    description="Cancels a report that is PENDING or GENERATING. Canceling it again has no effect.",
    response_description="The report, which is CANCELLED.",
    tags=["Reports"],
    security=needs("reports:write"),
)
def handle_post_cancel(
    report_id: ReportId,
) -> Response[ReportView]:
    """Handles POST: returns the cancelled report, also if it was cancelled before, or 409 if it has ended otherwise."""
    caller = caller_of(router)
    report, splits = cancel_report(announcer(router), caller, parse_report_id(report_id))
    return Response(HTTPStatus.OK, "application/json", show_report(report, base_url(router), caller, splits=splits))


@router.delete(
    "/api/v1/reports/<report_id>",
    operation_id="deleteReport",
    summary="Delete a report",
    description="Deletes a report that has ended, with its events, webhook deliveries and Idempotency-Keys. Its files "
    "are usually removed within a minute, or within 20 minutes if a worker may still be writing. A report "
    "that is PENDING or GENERATING must be canceled first. Deleting it again has no effect.",
    response_description="The record of the deletion.",
    tags=["Reports"],
    security=needs("reports:delete"),
)
def handle_delete_report(report_id: ReportId) -> DeletionView:
    """Handles DELETE: returns the record of the deletion, also if the report was deleted before."""
    return delete_report(database(), caller_of(router), parse_report_id(report_id))
