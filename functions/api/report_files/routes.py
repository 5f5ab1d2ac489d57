"""Routes of the files of split reports: /api/v1/reports/{id}/files."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.auth.scopes import needs
from api.context import base_url, caller_of, database, queue, signer
from api.http.ids import parse_report_id
from api.report_files.download import FILE_NUMBER_PATTERN, download_file
from api.report_files.listing import FILE_CURSOR_PATTERN, FileQuery, list_files
from api.report_files.models import SplitFileList
from api.report_files.retry import retry_files
from api.report_files.rows import FileFilters, FileStatus
from api.reports.accepted import accepted
from api.reports.models import DownloadLink, ReportView
from api.reports.routes import AsLink, ReportId, answer_download
from api.reports.view import show_report
from resma.string_patterns import NO_NUL
from resma.writers import Format

router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@router.get(
    "/api/v1/reports/<report_id>/files",
    operation_id="listReportFiles",
    summary="List the files of a split report",
    description="Lists the files of a split report by the number of their key, in pages. Files are listed as soon as "
    "they are stored, also while the report is in progress and when it is FAILED.",
    response_description="A page of files.",
    tags=["Reports"],
    security=needs("reports:read"),
)
def handle_get_files(  # noqa: PLR0913, PLR0917  # one parameter for each filter
    report_id: ReportId,
    search: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=200,
            pattern=NO_NUL,
            description="Only files whose key starts with this text, in any case. The values of a key of several "
            "columns are joined by spaces.",
        ),
    ] = None,
    format_: Annotated[Format | None, Query(alias="format", description="Only files of this format.")] = None,
    status: Annotated[
        FileStatus | None, Query(description="`made`: only stored files; `failed`: only those with an error.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Maximum number of files per page.")] = 100,
    cursor: Annotated[
        str | None,
        Query(json_schema_extra={"pattern": FILE_CURSOR_PATTERN}, description="Position of the page, as in `next`."),
    ] = None,
) -> SplitFileList:
    """Handles GET: returns a page of files, with the URL of the next page."""
    query = FileQuery(FileFilters(search=search, format=format_, status=status), limit, cursor)
    return list_files(database(), caller_of(router), parse_report_id(report_id), query, base_url(router))


@router.get(
    "/api/v1/reports/<report_id>/files/<number>/download",
    operation_id="downloadReportFile",
    summary="Download one file of a split report",
    status_code=HTTPStatus.SEE_OTHER,
    description="Redirects to a presigned URL that is valid for one hour. Each request creates a new one. With "
    "`link=true` the URL is in the body of the response instead.",
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
def handle_get_file_download(
    report_id: ReportId,
    number: Annotated[
        str, Path(description="Number of the file's key.", json_schema_extra={"pattern": FILE_NUMBER_PATTERN})
    ],
    format_: Annotated[
        Format | None, Query(alias="format", description="Format of the file; the report's first format by default.")
    ] = None,
    link: AsLink = False,
) -> Response[DownloadLink | None]:
    """Handles GET: returns 303 with a new presigned URL in `Location`, or 200 with the URL in the body."""
    download = download_file(database(), signer(), caller_of(router), parse_report_id(report_id), number, format_)
    return answer_download(download, as_link=link)


@router.post(
    "/api/v1/reports/<report_id>/files/retry",
    operation_id="retryReportFiles",
    summary="Retry the failed parts of a split report",
    status_code=HTTPStatus.ACCEPTED,
    description="Continues a FAILED split report: its finished files are kept, and only the missing ones are "
    "generated. Retrying it again while it is in progress has no effect.",
    response_description="The report, which is in progress.",
    tags=["Reports"],
    security=needs("reports:write"),
)
def handle_post_retry_files(report_id: ReportId) -> Response[ReportView]:
    """Handles POST: returns 202 with the report, or 409 if it is READY, cancelled or not split."""
    caller = caller_of(router)
    report, splits = retry_files(database(), queue(), caller, parse_report_id(report_id))
    return accepted(show_report(report, base_url(router), caller, splits=splits))
