"""/api/v1/api-keys: making, rotating and revoking a tenant's keys."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.context import caller_of, database
from api.manage_api_keys import end_key, make_key, replace_key, show_keys
from api.models_api_keys import ApiKeyList, ApiKeyRequest, NewApiKeyView, RotationRequest
from api.scopes import needs

router = APIGatewayRouter()  # type: ignore[no-untyped-call]

_HEADERS: dict[str, str | list[str]] = {"Cache-Control": "no-store"}
"""Of an answer with a secret in it."""

KeyId = Annotated[str, Path(description="The key's id: the part between the two underscores.")]


@router.get("/api/v1/api-keys", summary="List keys", tags=["keys"], security=needs("keys:manage"))
def handle_get_keys() -> ApiKeyList:
    """GET: the tenant's keys, without their secrets."""
    return show_keys(database(), caller_of(router))


@router.post(
    "/api/v1/api-keys",
    summary="Make a key",
    status_code=HTTPStatus.CREATED,
    tags=["keys"],
    security=needs("keys:manage"),
)
def handle_post_key(body: ApiKeyRequest) -> Response[NewApiKeyView]:
    """POST: 201 with the key, which is not shown again."""
    view = make_key(database(), caller_of(router), body)
    return Response(HTTPStatus.CREATED, "application/json", view, headers=dict(_HEADERS))


@router.post(
    "/api/v1/api-keys/<key_id>/rotate",
    summary="Make the key that comes after another",
    status_code=HTTPStatus.CREATED,
    description="The old key goes on for `graceSeconds`, so that callers can change over without a gap.",
    tags=["keys"],
    security=needs("keys:manage"),
)
def handle_post_rotation(
    key_id: KeyId, body: Annotated[RotationRequest | None, Body()] = None
) -> Response[NewApiKeyView]:
    """POST: 201 with the new key, which is not shown again."""
    view = replace_key(database(), caller_of(router), key_id, (body or RotationRequest()).grace_seconds)
    return Response(HTTPStatus.CREATED, "application/json", view, headers=dict(_HEADERS))


@router.delete(
    "/api/v1/api-keys/<key_id>",
    summary="Revoke a key",
    status_code=HTTPStatus.NO_CONTENT,
    description="It ends at once, and stays on the list.",
    tags=["keys"],
    security=needs("keys:manage"),
)
def handle_delete_key(key_id: KeyId) -> Response[None]:
    """DELETE: 204, also for a key that was revoked before."""
    end_key(database(), caller_of(router), key_id)
    return Response(HTTPStatus.NO_CONTENT)
