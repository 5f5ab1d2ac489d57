"""/api/v1/reports: asking for reports, looking at them, fetching their files."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.cancel_report import cancel_report
from api.check_webhook_address import check_webhook_address
from api.context import POLL_SECONDS, announcer, base_url, caller_of, database, queue, settings
from api.cursor import CURSOR_PATTERN
from api.download_report import download_report
from api.list_reports import ListQuery, list_reports
from api.models import ReportList, ReportView, Status
from api.scopes import needs
from api.show_report import show_report
from resma.aws import s3_client
from resma.download import Signer
from resma.errors import ReportNotFound
from resma.report_request import ReportRequest
from resma.reports import find_report
from resma.request_report import request_report
from resma.writers import Format

router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@router.post(
    "/api/v1/reports/generate",
    summary="Ask for a report",
    status_code=HTTPStatus.ACCEPTED,
    description="Answers at once; the report is generated meanwhile. Takes an Idempotency-Key header.",
    tags=["reports"],
    security=needs("reports:write"),
)
def handle_post_report(body: ReportRequest) -> Response[ReportView]:
    """POST: 202 with the report's id, `Location` and `Retry-After`."""
    if body.callback_url is not None:
        check_webhook_address(body.callback_url, "/callbackUrl", opens_loopback=settings().webhook_allow_loopback)
    key = router.current_event.headers.get("Idempotency-Key")
    report, is_new = request_report(database(), queue(), caller_of(router), body, key)
    view = show_report(report, base_url(router), is_joined=body.coalesce and not is_new)
    headers: dict[str, str | list[str]] = {"Location": view.links.self_, "Retry-After": str(POLL_SECONDS)}
    return Response(HTTPStatus.ACCEPTED, "application/json", view, headers=headers)


@router.get(
    "/api/v1/reports",
    summary="List reports, newest first",
    tags=["reports"],
    security=needs("reports:read"),
)
def handle_get_reports(
    status: Annotated[Status | None, Query(description="Only this status.")] = None,
    type_: Annotated[
        str | None, Query(alias="type", pattern="^[A-Z][A-Z0-9_]{0,99}$", description="Only this report type.")
    ] = None,
    format_: Annotated[Format | None, Query(alias="format", description="Only this format.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Reports a page.")] = 50,
    cursor: Annotated[
        str | None,
        Query(json_schema_extra={"pattern": CURSOR_PATTERN}, description="Where the page begins: part of `next`."),
    ] = None,
) -> ReportList:
    """GET: a page of reports, and the address of the next one."""
    query = ListQuery(status, type_, format_, limit, cursor)
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
    tenant_id = caller_of(router).tenant_id
    with database().transaction(tenant_id) as connection:
        report = find_report(connection, tenant_id, parse_report_id(report_id))
    under_way = report.status in {"PENDING", "GENERATING"}
    headers: dict[str, str | list[str]] = {"Retry-After": str(POLL_SECONDS)} if under_way else {}
    return Response(HTTPStatus.OK, "application/json", show_report(report, base_url(router)), headers=headers)


@router.get(
    "/api/v1/reports/<report_id>/download",
    summary="Fetch a report's file",
    status_code=HTTPStatus.SEE_OTHER,
    description="Redirects to an address that is good for one hour; ask again for another.",
    tags=["reports"],
    security=needs("reports:read"),
)
def handle_get_download(
    report_id: Annotated[str, Path(description="The report's id.")],
    format_: Annotated[Format | None, Query(alias="format", description="Of several files, this one.")] = None,
) -> Response[None]:
    """GET: 303 to a presigned address, minted now."""
    s3 = s3_client(settings().s3_credentials_secret_arn, settings().s3_public_endpoint_url)
    signer = Signer(s3, settings().bucket)
    address = download_report(database(), signer, caller_of(router), parse_report_id(report_id), format_)
    headers: dict[str, str | list[str]] = {"Location": address, "Cache-Control": "no-store"}
    return Response(HTTPStatus.SEE_OTHER, headers=headers)


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
