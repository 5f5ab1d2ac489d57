"""Route of the access log of a report: /api/v1/reports/{id}/access."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.access_log.listing import ACCESS_CURSOR_PATTERN, AccessQuery, show_access
from api.access_log.models import AccessLog
from api.auth.scopes import needs
from api.context import base_url, caller_of, database
from api.http.ids import parse_report_id
from api.reports.routes import ReportId

router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@router.get(
    "/api/v1/reports/<report_id>/access",
    operation_id="listReportAccess",
    summary="List who accessed a report",
    description="Lists who requested, downloaded, cancelled, retried, held and deleted a report, where its files "
    "were delivered, and where webhooks about it were sent, newest first, in pages. The entries of a deleted report "
    "are its request, its downloads, its legal holds and its deletion. IP addresses and the subjects of tokens are "
    "masked without the scope `personal:read`.",
    response_description="A page of the access log.",
    tags=["Reports"],
    security=needs("reports:read"),
)
def handle_get_access(
    report_id: ReportId,
    limit: Annotated[int, Query(ge=1, le=200, description="Maximum number of entries per page.")] = 50,
    cursor: Annotated[
        str | None,
        Query(json_schema_extra={"pattern": ACCESS_CURSOR_PATTERN}, description="Position of the page, as in `next`."),
    ] = None,
) -> AccessLog:
    """Handles GET: returns a page of the access log, with the URL of the next page."""
    query = AccessQuery(limit, cursor)
    return show_access(database(), caller_of(router), parse_report_id(report_id), query, base_url(router))
