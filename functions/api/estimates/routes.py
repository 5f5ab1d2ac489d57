"""/api/v1/reports/estimate: what a report would come to, before it is requested."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.auth.scopes import needs
from api.context import caller_of, database, rules, settings, source
from api.estimates.estimate import Estimator, estimate_report
from api.estimates.models import EstimateView
from resma.requests.report_request import ReportRequest

router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@router.post(
    "/api/v1/reports/estimate",
    operation_id="estimateReport",
    summary="Estimate a report",
    description="Answers within seconds with the number of rows, sizes and time of a report. Validates the request "
    "like `POST /api/v1/reports/generate` does; nothing is stored.",
    response_description="The estimate.",
    tags=["Reports"],
    security=needs("reports:write"),
)
def handle_post_estimate(body: ReportRequest) -> EstimateView:
    """POST: rows, bytes, pages and seconds, and what to know of them."""
    estimator = Estimator(database(), source(), settings().worker_timeout_seconds)
    return estimate_report(estimator, caller_of(router), body, rules().errors_of(body))
