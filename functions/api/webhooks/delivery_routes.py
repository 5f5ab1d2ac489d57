"""Routes that list the webhook deliveries of a report and replay a delivery."""

from __future__ import annotations

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.auth.scopes import needs
from api.context import base_url, caller_of, database
from api.http.ids import parse_report_id
from api.reports.routes import ReportId
from api.webhooks.listing import show_report_deliveries
from api.webhooks.models import DeliveryList, DeliveryView, EndpointId, EventId
from api.webhooks.replay import replay_delivery
from api.webhooks.view import show_delivery

router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@router.get(
    "/api/v1/reports/<report_id>/deliveries",
    operation_id="listReportDeliveries",
    summary="List the webhook deliveries of a report",
    description="Lists the deliveries of a report's events with all their attempts. The IP address of who "
    "requested a replay, and the subject of a token, are masked without the scope `personal:read`.",
    response_description="The deliveries.",
    tags=["Webhooks"],
    security=needs("reports:read"),
)
def handle_get_report_deliveries(
    report_id: ReportId,
) -> DeliveryList:
    """Handles GET: returns the deliveries of a report with all attempts."""
    return show_report_deliveries(database(), caller_of(router), parse_report_id(report_id), base_url(router))


@router.post(
    "/api/v1/webhook-deliveries/<event_id>/<endpoint_id>/replay",
    operation_id="replayWebhookDelivery",
    summary="Replay a webhook delivery",
    status_code=HTTPStatus.ACCEPTED,
    description="Sends the event to the endpoint again within a minute, with the same `webhook-id` and whatever the "
    "status of the delivery. The replay is recorded.",
    response_description="The delivery, which is PENDING.",
    tags=["Webhooks"],
    security=needs("webhooks:manage"),
)
def handle_post_replay(event_id: EventId, endpoint_id: EndpointId) -> Response[DeliveryView]:
    """Handles POST: returns 202 with the delivery, which is PENDING."""
    caller = caller_of(router)
    record = replay_delivery(database(), caller, event_id, endpoint_id)
    return Response(HTTPStatus.ACCEPTED, "application/json", show_delivery(record, base_url(router), caller))
