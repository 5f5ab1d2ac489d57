"""/api/v1/reports: asking for reports, for an estimate first, and once more."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.context import POLL_SECONDS, base_url, caller_of, database, queue, settings, source
from api.estimate_report import Estimator, estimate_report
from api.models import ReportView
from api.models_estimate import EstimateView
from api.retry_report import find_request
from api.routes.reports import parse_report_id
from api.scopes import needs
from api.show_report import show_report
from resma.check_webhook_address import check_callback
from resma.report_request import ReportRequest
from resma.request_report import request_report

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
    check_callback(body.callback_url, opens_loopback=settings().webhook_allow_loopback)
    key = router.current_event.headers.get("Idempotency-Key")
    report, is_new = request_report(database(), queue(), caller_of(router), body, key)
    return _accepted(show_report(report, base_url(router), is_joined=body.coalesce and not is_new))


@router.post(
    "/api/v1/reports/estimate",
    summary="Estimate a report before asking for it",
    description="Takes what asking for the report takes, and refuses what that refuses. Answers within seconds with "
    "rows, sizes and time; nothing is kept.",
    tags=["reports"],
    security=needs("reports:write"),
)
def handle_post_estimate(body: ReportRequest) -> EstimateView:
    """POST: rows, bytes, pages and seconds, and what to know of them."""
    check_callback(body.callback_url, opens_loopback=settings().webhook_allow_loopback)
    return estimate_report(Estimator(database(), source(), settings().worker_timeout_seconds), caller_of(router), body)


@router.post(
    "/api/v1/reports/<report_id>/retry",
    summary="Ask for a report again",
    status_code=HTTPStatus.ACCEPTED,
    description="A new report of the same request, with the rights of who asks now; for one that is FAILED, CANCELLED "
    "or EXPIRED. Takes an Idempotency-Key header.",
    tags=["reports"],
    security=needs("reports:write"),
)
def handle_post_retry(
    report_id: Annotated[str, Path(description="The id of the report that has ended.")],
) -> Response[ReportView]:
    """POST: 202 with the new report's id, `Location` and `Retry-After`; 409 for one that is under way or READY."""
    retried = parse_report_id(report_id)
    caller, request = find_request(database(), caller_of(router), retried)
    check_callback(request.callback_url, opens_loopback=settings().webhook_allow_loopback)
    key = router.current_event.headers.get("Idempotency-Key")
    report, _ = request_report(database(), queue(), caller, request, key, retry_of=retried)
    return _accepted(show_report(report, base_url(router)))


def _accepted(view: ReportView) -> Response[ReportView]:
    headers: dict[str, str | list[str]] = {"Location": view.links.self_, "Retry-After": str(POLL_SECONDS)}
    return Response(HTTPStatus.ACCEPTED, "application/json", view, headers=headers)
