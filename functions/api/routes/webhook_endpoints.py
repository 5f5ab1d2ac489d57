"""/api/v1/webhook-endpoints: where a tenant wants to be told of its reports, and with which secret."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.context import base_url, caller_of, database, settings
from api.list_deliveries import DELIVERY_CURSOR_PATTERN, DeliveryQuery, show_endpoint_deliveries
from api.manage_webhook_endpoints import WebhookEndpoints
from api.models_webhooks import (
    DeliveryList,
    DeliveryStatus,
    EndpointChanges,
    EndpointId,
    EndpointList,
    EndpointRequest,
    EndpointView,
    NewEndpointView,
    Rotation,
    SecretView,
)
from api.scopes import needs
from api.show_webhook import show_endpoint, show_new_endpoint, show_secret
from resma.webhook_endpoints import Endpoint
from resma.webhook_secrets import read_master_secret

logger = Logger(child=True)
router = APIGatewayRouter()  # type: ignore[no-untyped-call]

_SECRET_HEADERS: dict[str, str | list[str]] = {"Cache-Control": "no-store"}


@router.post(
    "/api/v1/webhook-endpoints",
    summary="Register an endpoint",
    status_code=HTTPStatus.CREATED,
    description="Answers with the secret that its webhooks are signed with.",
    tags=["webhooks"],
    security=needs("webhooks:manage"),
)
def handle_post_endpoint(body: EndpointRequest) -> Response[NewEndpointView]:
    """POST: 201 with the endpoint and its secret."""
    endpoint = _endpoints().register(body)
    view = show_new_endpoint(endpoint, _master())
    headers = {**_SECRET_HEADERS, "Location": f"{base_url(router)}/api/v1/webhook-endpoints/{endpoint.endpoint_id}"}
    return Response(HTTPStatus.CREATED, "application/json", view, headers=headers)


@router.get(
    "/api/v1/webhook-endpoints",
    summary="List endpoints",
    tags=["webhooks"],
    security=needs("webhooks:manage"),
)
def handle_get_endpoints() -> EndpointList:
    """GET: all of them, that of callbacks first."""
    return EndpointList(items=[show_endpoint(endpoint) for endpoint in _endpoints().list()])


@router.get(
    "/api/v1/webhook-endpoints/<endpoint_id>",
    summary="Show an endpoint",
    tags=["webhooks"],
    security=needs("webhooks:manage"),
)
def handle_get_endpoint(endpoint_id: EndpointId) -> EndpointView:
    """GET: one of them."""
    return show_endpoint(_endpoints().find(endpoint_id))


@router.patch(
    "/api/v1/webhook-endpoints/<endpoint_id>",
    summary="Change or disable an endpoint",
    tags=["webhooks"],
    security=needs("webhooks:manage"),
)
def handle_patch_endpoint(endpoint_id: EndpointId, body: EndpointChanges) -> EndpointView:
    """PATCH: what is left out stays as it is."""
    return show_endpoint(_endpoints().change(endpoint_id, body))


@router.delete(
    "/api/v1/webhook-endpoints/<endpoint_id>",
    summary="Delete an endpoint",
    status_code=HTTPStatus.NO_CONTENT,
    description="What is still owed to it ends. Its deliveries stay on record with their reports.",
    tags=["webhooks"],
    security=needs("webhooks:manage"),
)
def handle_delete_endpoint(endpoint_id: EndpointId) -> Response[None]:
    """DELETE: 204."""
    _endpoints().delete(endpoint_id)
    return Response(HTTPStatus.NO_CONTENT)


@router.get(
    "/api/v1/webhook-endpoints/<endpoint_id>/secret",
    summary="Show an endpoint's secret",
    tags=["webhooks"],
    security=needs("webhooks:manage"),
)
def handle_get_secret(endpoint_id: EndpointId) -> Response[SecretView]:
    """GET: the secret, and that before it while it is valid."""
    return _secret(_endpoints().find(endpoint_id), "a webhook secret was shown")


@router.post(
    "/api/v1/webhook-endpoints/<endpoint_id>/rotate-secret",
    summary="Rotate an endpoint's secret",
    description="Webhooks carry both signatures while the secret so far is valid.",
    tags=["webhooks"],
    security=needs("webhooks:manage"),
)
def handle_post_rotation(endpoint_id: EndpointId, body: Rotation) -> Response[SecretView]:
    """POST: the new secret, and the one so far."""
    endpoint = _endpoints().rotate(endpoint_id, timedelta(hours=body.overlap_hours))
    return _secret(endpoint, "a webhook secret was rotated")


@router.get(
    "/api/v1/webhook-endpoints/<endpoint_id>/deliveries",
    summary="List its deliveries",
    tags=["webhooks"],
    security=needs("webhooks:manage"),
)
def handle_get_deliveries(
    endpoint_id: EndpointId,
    status: Annotated[DeliveryStatus | None, Query(description="Only this status.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Deliveries a page.")] = 50,
    cursor: Annotated[
        str | None,
        Query(
            json_schema_extra={"pattern": DELIVERY_CURSOR_PATTERN}, description="Where the page begins: part of `next`."
        ),
    ] = None,
) -> DeliveryList:
    """GET: a page of deliveries with all attempts, newest first."""
    caller = caller_of(router)
    query = DeliveryQuery(status, limit, cursor)
    return show_endpoint_deliveries(database(), caller.tenant_id, endpoint_id, query, base_url(router))


def _endpoints() -> WebhookEndpoints:
    caller = caller_of(router)
    return WebhookEndpoints(database(), caller.tenant_id, settings().webhook_allow_loopback)


def _master() -> bytes:
    return read_master_secret(settings().webhook_secret_arn)


def _secret(endpoint: Endpoint, said: str) -> Response[SecretView]:
    caller = caller_of(router)
    view = show_secret(endpoint, _master())
    logger.info(said, endpoint_id=endpoint.endpoint_id, version=endpoint.secret_version, subject=caller.subject)
    return Response(HTTPStatus.OK, "application/json", view, headers=_SECRET_HEADERS)
