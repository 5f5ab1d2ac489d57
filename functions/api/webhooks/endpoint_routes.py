"""Routes of /api/v1/webhook-endpoints."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.auth.scopes import needs
from api.context import base_url, caller_of, database, settings
from api.webhooks.listing import DELIVERY_CURSOR_PATTERN, DeliveryQuery, show_endpoint_deliveries
from api.webhooks.manage_endpoints import WebhookEndpoints
from api.webhooks.models import (
    CreatedEndpointView,
    DeliveryList,
    DeliveryStatus,
    DeliveryView,
    EndpointChanges,
    EndpointId,
    EndpointList,
    EndpointRequest,
    EndpointView,
    Rotation,
    SecretView,
)
from api.webhooks.replay import send_latest_event
from api.webhooks.view import show_created_endpoint, show_delivery, show_endpoint, show_secret
from resma.webhooks.endpoints import WebhookEndpointRow
from resma.webhooks.signing_secrets import read_master_secret

logger = Logger(child=True)
router = APIGatewayRouter()  # type: ignore[no-untyped-call]

_SECRET_HEADERS: dict[str, str | list[str]] = {"Cache-Control": "no-store"}


@router.post(
    "/api/v1/webhook-endpoints",
    operation_id="createWebhookEndpoint",
    summary="Create a webhook endpoint",
    status_code=HTTPStatus.CREATED,
    description="Creates an endpoint, which is a URL that receives events. The response has the secret that its "
    "webhooks are signed with.",
    response_description="The endpoint with its secret.",
    tags=["Webhooks"],
    security=needs("webhooks:manage"),
)
def handle_post_endpoint(body: EndpointRequest) -> Response[CreatedEndpointView]:
    """Handles POST: returns 201 with the endpoint and its secret."""
    endpoint = _endpoints().register(body)
    view = show_created_endpoint(endpoint, _master())
    headers = {**_SECRET_HEADERS, "Location": f"{base_url(router)}/api/v1/webhook-endpoints/{endpoint.endpoint_id}"}
    return Response(HTTPStatus.CREATED, "application/json", view, headers=headers)


@router.get(
    "/api/v1/webhook-endpoints",
    operation_id="listWebhookEndpoints",
    summary="List webhook endpoints",
    description="Lists all webhook endpoints of your tenant, starting with `callback`.",
    response_description="The endpoints.",
    tags=["Webhooks"],
    security=needs("webhooks:manage"),
)
def handle_get_endpoints() -> EndpointList:
    """Handles GET: returns all endpoints, starting with `callback`."""
    return EndpointList(items=[show_endpoint(endpoint, last) for endpoint, last in _endpoints().list()])


@router.get(
    "/api/v1/webhook-endpoints/<endpoint_id>",
    operation_id="getWebhookEndpoint",
    summary="Get a webhook endpoint",
    description="Shows a webhook endpoint without its secret.",
    response_description="The endpoint.",
    tags=["Webhooks"],
    security=needs("webhooks:manage"),
)
def handle_get_endpoint(endpoint_id: EndpointId) -> EndpointView:
    """Handles GET: returns an endpoint."""
    return show_endpoint(*_endpoints().show(endpoint_id))


@router.patch(
    "/api/v1/webhook-endpoints/<endpoint_id>",
    operation_id="updateWebhookEndpoint",
    summary="Update, disable or enable a webhook endpoint",
    description="Changes the properties that are sent.",
    response_description="The updated endpoint.",
    tags=["Webhooks"],
    security=needs("webhooks:manage"),
)
def handle_patch_endpoint(endpoint_id: EndpointId, body: EndpointChanges) -> EndpointView:
    """Handles PATCH: changes the properties in the body and returns the endpoint."""
    return show_endpoint(_endpoints().change(endpoint_id, body))


@router.delete(
    "/api/v1/webhook-endpoints/<endpoint_id>",
    operation_id="deleteWebhookEndpoint",
    summary="Delete a webhook endpoint",
    status_code=HTTPStatus.NO_CONTENT,
    description="Deletes a webhook endpoint and ends its pending deliveries. The list of deliveries of a report "
    "still has them.",
    response_description="The endpoint was deleted.",
    tags=["Webhooks"],
    security=needs("webhooks:manage"),
)
def handle_delete_endpoint(endpoint_id: EndpointId) -> Response[None]:
    """Handles DELETE: deletes the endpoint and returns 204."""
    _endpoints().delete(endpoint_id)
    return Response(HTTPStatus.NO_CONTENT)


@router.get(
    "/api/v1/webhook-endpoints/<endpoint_id>/secret",
    operation_id="getWebhookSecret",
    summary="Get the secret of a webhook endpoint",
    description="Shows the secret that webhooks are signed with, and the previous one while it is valid.",
    response_description="The secret.",
    tags=["Webhooks"],
    security=needs("webhooks:manage"),
)
def handle_get_secret(endpoint_id: EndpointId) -> Response[SecretView]:
    """Handles GET: returns the secret, and the previous one while it is valid."""
    return _secret(_endpoints().find(endpoint_id), "a webhook secret was shown")


@router.post(
    "/api/v1/webhook-endpoints/<endpoint_id>/rotate-secret",
    operation_id="rotateWebhookSecret",
    summary="Rotate the secret of a webhook endpoint",
    description="Creates a new secret. Webhooks are signed with both secrets while the previous one is valid.",
    response_description="The new secret and the previous one.",
    tags=["Webhooks"],
    security=needs("webhooks:manage"),
)
def handle_post_rotation(endpoint_id: EndpointId, body: Rotation) -> Response[SecretView]:
    """Handles POST: returns the new secret and the previous one."""
    endpoint = _endpoints().rotate(endpoint_id, timedelta(hours=body.overlap_hours))
    return _secret(endpoint, "a webhook secret was rotated")


@router.post(
    "/api/v1/webhook-endpoints/<endpoint_id>/test",
    operation_id="testWebhookEndpoint",
    summary="Send the latest event to a webhook endpoint",
    status_code=HTTPStatus.ACCEPTED,
    description="Sends the latest event of the tenant to this endpoint within a minute, with its signature and its own "
    "`webhook-id`, whatever events and report types the endpoint receives. It is recorded as a replay.",
    response_description="The delivery, which is PENDING.",
    tags=["Webhooks"],
    security=needs("webhooks:manage"),
)
def handle_post_test(endpoint_id: EndpointId) -> Response[DeliveryView]:
    """Handles POST: returns 202 with the delivery, or 409 if the tenant has no event yet."""
    caller = caller_of(router)
    record = send_latest_event(database(), caller, endpoint_id)
    return Response(HTTPStatus.ACCEPTED, "application/json", show_delivery(record, base_url(router), caller))


@router.get(
    "/api/v1/webhook-endpoints/<endpoint_id>/deliveries",
    operation_id="listWebhookDeliveries",
    summary="List the deliveries of a webhook endpoint",
    description="Lists the deliveries of an endpoint with all their attempts, newest first, in pages.",
    response_description="A page of deliveries.",
    tags=["Webhooks"],
    security=needs("webhooks:manage"),
)
def handle_get_deliveries(
    endpoint_id: EndpointId,
    status: Annotated[DeliveryStatus | None, Query(description="Only deliveries with this status.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Maximum number of deliveries per page.")] = 50,
    cursor: Annotated[
        str | None,
        Query(
            json_schema_extra={"pattern": DELIVERY_CURSOR_PATTERN}, description="Position of the page, as in `next`."
        ),
    ] = None,
) -> DeliveryList:
    """Handles GET: returns a page of deliveries with all attempts, newest first."""
    query = DeliveryQuery(status, limit, cursor)
    return show_endpoint_deliveries(database(), caller_of(router), endpoint_id, query, base_url(router))


def _endpoints() -> WebhookEndpoints:
    caller = caller_of(router)
    return WebhookEndpoints(database(), caller.tenant_id, settings().receivers)


def _master() -> bytes:
    return read_master_secret(settings().webhook_secret_arn)


def _secret(endpoint: WebhookEndpointRow, message: str) -> Response[SecretView]:
    caller = caller_of(router)
    view = show_secret(endpoint, _master())
    logger.info(message, endpoint_id=endpoint.endpoint_id, version=endpoint.secret_version, subject=caller.subject)
    return Response(HTTPStatus.OK, "application/json", view, headers=_SECRET_HEADERS)
