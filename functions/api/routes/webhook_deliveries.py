"""Deliveries of webhooks: a report's, and asking for one to be made again."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.context import base_url, caller_of, database
from api.list_deliveries import show_report_deliveries
from api.models_webhooks import DeliveryList, DeliveryView, EndpointId, EventId
from api.replay_delivery import replay_delivery
from api.routes.reports import parse_report_id
from api.scopes import needs
from api.show_webhook import show_delivery

router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@router.get(
    "/api/v1/reports/<report_id>/deliveries",
    summary="List a report's webhooks",
    tags=["webhooks"],
    security=needs("reports:read"),
)
def handle_get_report_deliveries(
    report_id: Annotated[str, Path(description="The report's id.")],
) -> DeliveryList:
    """GET: each delivery with all attempts."""
    caller = caller_of(router)
    return show_report_deliveries(database(), caller.tenant_id, parse_report_id(report_id), base_url(router))


@router.post(
    "/api/v1/webhook-deliveries/<event_id>/<endpoint_id>/replay",
    summary="Send a webhook again",
    status_code=HTTPStatus.ACCEPTED,
    description="Whatever became of it: due at once and sent within a minute, with the same `webhook-id`. On record.",
    tags=["webhooks"],
    security=needs("webhooks:manage"),
)
def handle_post_replay(event_id: EventId, endpoint_id: EndpointId) -> Response[DeliveryView]:
    """POST: 202 with the delivery as it is now."""
    caller = caller_of(router)
    record = replay_delivery(database(), caller, event_id, endpoint_id)
    return Response(HTTPStatus.ACCEPTED, "application/json", show_delivery(record, base_url(router)))
