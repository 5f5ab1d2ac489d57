"""Route of /api/v1/reports/estimate."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.auth.scopes import needs
from api.context import caller_of, database, records, rules, settings, source
from api.estimates.estimate import Estimator, estimate_report
from api.estimates.models import EstimateView
from resma.requests.report_request import ReportRequest

router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@router.post(
    "/api/v1/reports/estimate",
    operation_id="estimateReport",
    summary="Estimate a report",
    description="Estimates the number of rows, the sizes and the time of a report within seconds. The request is "
    "validated as by `POST /api/v1/reports/generate`, and nothing is stored.",
    response_description="The estimate.",
    tags=["Reports"],
    security=needs("reports:write"),
)
def handle_post_estimate(body: ReportRequest) -> EstimateView:
    """Handles POST: returns rows, bytes, pages and seconds, with warnings."""
    estimator = Estimator(database(), source(), records(), settings().worker_timeout_seconds)
    return estimate_report(estimator, caller_of(router), body, rules().errors_of(body))
