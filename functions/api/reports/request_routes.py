"""Routes that request reports: /api/v1/reports/generate and /api/v1/reports/{id}/retry."""

from __future__ import annotations

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.auth.scopes import needs
from api.context import base_url, caller_of, database, queue, rules
from api.http.ids import parse_report_id
from api.reports.accepted import accepted
from api.reports.models import ReportView
from api.reports.retry import find_request
from api.reports.routes import ReportId
from api.reports.view import show_report
from resma.requests.report_request import ReportRequest
from resma.requests.submit import request_report

router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@router.post(
    "/api/v1/reports/generate",
    operation_id="generateReport",
    summary="Generate a report",
    status_code=HTTPStatus.ACCEPTED,
    description="Requests a report, which is generated in the background. `GET` the URL in `Location` until `status` "
    "is `READY`, or use webhooks. If you do not get a response, send the request again with the same "
    "`Idempotency-Key`: no second report is created.",
    response_description="The report, which is PENDING.",
    tags=["Reports"],
    security=needs("reports:write"),
)
def handle_post_report(body: ReportRequest) -> Response[ReportView]:
    """Handles POST: returns 202 with the report, `Location` and `Retry-After`."""
    key = router.current_event.headers.get("Idempotency-Key")
    caller = caller_of(router)
    report, is_new = request_report(database(), queue(), caller, body, key, more_errors=rules().errors_of(body))
    return accepted(show_report(report, base_url(router), caller, is_deduplicated=body.deduplicate and not is_new))


@router.post(
    "/api/v1/reports/<report_id>/retry",
    operation_id="retryReport",
    summary="Retry a report",
    status_code=HTTPStatus.ACCEPTED,
    description="Creates a new report from the request of a report that is FAILED, CANCELLED, EXPIRED or SKIPPED, with "
    "the scopes of the caller. The new report of a SKIPPED one has no conditions.",
    response_description="The new report, which is PENDING.",
    tags=["Reports"],
    security=needs("reports:write"),
)
def handle_post_retry(
    report_id: ReportId,
) -> Response[ReportView]:
    """Handles POST: returns 202 with the new report, or 409 if the report is in progress or READY."""
    retried = parse_report_id(report_id)
    caller, request = find_request(database(), caller_of(router), retried)
    key = router.current_event.headers.get("Idempotency-Key")
    more_errors = rules().errors_of(request)
    report, _ = request_report(database(), queue(), caller, request, key, retry_of=retried, more_errors=more_errors)
    return accepted(show_report(report, base_url(router), caller))
