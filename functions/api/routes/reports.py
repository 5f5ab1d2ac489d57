"""/api/v1/reports: looking at reports, fetching their files, cancelling them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.cancel_report import cancel_report
from api.context import POLL_SECONDS, announcer, base_url, caller_of, database, settings
from api.cursor import CURSOR_PATTERN
from api.download_report import download_report
from api.find_status import find_status
from api.list_reports import ListQuery, list_reports
from api.models import DownloadLink, ReportList, ReportView, Status
from api.models_summary import SummaryView
from api.scopes import needs
from api.show_report import show_report
from api.show_summary import show_summary
from resma.aws import s3_client
from resma.download import Signer
from resma.errors import ReportNotFound
from resma.writers import Format

router = APIGatewayRouter()  # type: ignore[no-untyped-call]

_MOMENT = {"format": "date-time"}


@router.get(
    "/api/v1/reports",
    summary="List reports, newest first",
    tags=["reports"],
    security=needs("reports:read"),
)
def handle_get_reports(  # noqa: PLR0913, PLR0917  # what a list can be narrowed by
    status: Annotated[Status | None, Query(description="Only this status.")] = None,
    type_: Annotated[
        str | None, Query(alias="type", pattern="^[A-Z][A-Z0-9_]{0,99}$", description="Only this report type.")
    ] = None,
    format_: Annotated[Format | None, Query(alias="format", description="Only this format.")] = None,
    created_after: Annotated[
        str | None,
        Query(alias="createdAfter", json_schema_extra=_MOMENT, description="Only those asked for then or later."),
    ] = None,
    created_before: Annotated[
        str | None,
        Query(alias="createdBefore", json_schema_extra=_MOMENT, description="Only those asked for earlier than that."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Reports a page.")] = 50,
    cursor: Annotated[
        str | None,
        Query(json_schema_extra={"pattern": CURSOR_PATTERN}, description="Where the page begins: part of `next`."),
    ] = None,
) -> ReportList:
    """GET: a page of reports, and the address of the next one."""
    query = ListQuery(status, type_, format_, created_after, created_before, limit, cursor)
    return list_reports(database(), caller_of(router).tenant_id, query, base_url(router))


@router.get(
    "/api/v1/reports/<report_id>",
    summary="Show a report's status and progress",
    tags=["reports"],
    security=needs("reports:read"),
)
def handle_get_report(
    report_id: Annotated[str, Path(description="The report's id.")],
) -> Response[ReportView]:
    """GET: one report; `Retry-After` while it is under way."""
    view = find_status(database(), caller_of(router).tenant_id, parse_report_id(report_id), base_url(router))
    under_way = view.status in {"PENDING", "GENERATING"}
    headers: dict[str, str | list[str]] = {"Retry-After": str(POLL_SECONDS)} if under_way else {}
    return Response(HTTPStatus.OK, "application/json", view, headers=headers)


@router.get(
    "/api/v1/reports/<report_id>/download",
    summary="Fetch a report's file",
    status_code=HTTPStatus.SEE_OTHER,
    description="Redirects to an address that is good for one hour; ask again for another. With `link=true` the "
    "address is the answer, for pages that can't send a key where they are redirected.",
    tags=["reports"],
    security=needs("reports:read"),
    responses={
        HTTPStatus.OK: {
            "description": "With `link=true`: the address.",
            "content": {"application/json": {"model": DownloadLink}},
        },
        HTTPStatus.SEE_OTHER: {"description": "See there."},
    },
)
def handle_get_download(
    report_id: Annotated[str, Path(description="The report's id.")],
    format_: Annotated[Format | None, Query(alias="format", description="Of several files, this one.")] = None,
    link: Annotated[Literal["true", "false"], Query(description="Whether the address is the answer.")] = "false",
) -> Response[DownloadLink | None]:
    """GET: 303 to a presigned address, minted now; or 200 with it."""
    s3 = s3_client(settings().s3_credentials_secret_arn, settings().s3_public_endpoint_url)
    signer = Signer(s3, settings().bucket)
    minted = download_report(database(), signer, caller_of(router), parse_report_id(report_id), format_)
    headers: dict[str, str | list[str]] = {"Cache-Control": "no-store"}
    if link == "true":
        return Response(HTTPStatus.OK, "application/json", DownloadLink(**vars(minted)), headers=headers)
    return Response(HTTPStatus.SEE_OTHER, headers={"Location": minted.url, **headers})


@router.get(
    "/api/v1/reports/<report_id>/summary",
    summary="Show what a report holds, before its file",
    description="Count, totals and charts of the snapshot that its files are made of, from when it was counted "
    "until the files' time is over.",
    tags=["reports"],
    security=needs("reports:read"),
)
def handle_get_summary(
    report_id: Annotated[str, Path(description="The report's id.")],
) -> SummaryView:
    """GET: the summary; 409 before there is one."""
    return show_summary(database(), caller_of(router), parse_report_id(report_id))


@router.post(
    "/api/v1/reports/<report_id>/cancel",
    summary="Cancel a report that is under way",
    tags=["reports"],
    security=needs("reports:write"),
)
def handle_post_cancel(
    report_id: Annotated[str, Path(description="The report's id.")],
) -> Response[ReportView]:
    """POST: the report, CANCELLED, however often it is asked for; 409 for one that has ended otherwise."""
    report = cancel_report(announcer(router), caller_of(router), parse_report_id(report_id))
    return Response(HTTPStatus.OK, "application/json", show_report(report, base_url(router)))


def parse_report_id(text: str) -> UUID:
    """Raises ReportNotFound where it is no report's id."""
    try:
        return UUID(text)
    except ValueError:
        raise ReportNotFound("that is no report's id: GET /api/v1/reports lists yours") from None
