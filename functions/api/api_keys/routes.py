"""Routes of /api/v1/api-keys."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.api_keys.manage import create_key, end_key, replace_key, show_keys
from api.api_keys.models import ApiKeyList, ApiKeyRequest, CreatedApiKeyView, RotationRequest
from api.auth.scopes import needs
from api.context import caller_of, database
from resma.access.api_keys import KEY_ID_PATTERN

router = APIGatewayRouter()  # type: ignore[no-untyped-call]

_HEADERS: dict[str, str | list[str]] = {"Cache-Control": "no-store"}
"""Headers of responses that contain a secret."""

KeyId = Annotated[
    str,
    Path(
        description="Id of the key: the part between the two underscores.",
        json_schema_extra={"pattern": KEY_ID_PATTERN},
    ),
]


@router.get(
    "/api/v1/api-keys",
    operation_id="listApiKeys",
    summary="List API keys",
    description="Lists all API keys of your tenant without their secrets, newest first.",
    response_description="The keys.",
    tags=["API keys"],
    security=needs("keys:manage"),
)
def handle_get_keys() -> ApiKeyList:
    """Handles GET: returns the keys of the tenant without their secrets."""
    return show_keys(database(), caller_of(router))


@router.post(
    "/api/v1/api-keys",
    operation_id="createApiKey",
    summary="Create an API key",
    status_code=HTTPStatus.CREATED,
    description="Creates a key with at most the scopes of the caller. Its secret is shown only in this response.",
    response_description="The key with its secret.",
    tags=["API keys"],
    security=needs("keys:manage"),
)
def handle_post_key(body: ApiKeyRequest) -> Response[CreatedApiKeyView]:
    """Handles POST: returns 201 with the key, which is not shown again."""
    view = create_key(database(), caller_of(router), body)
    return Response(HTTPStatus.CREATED, "application/json", view, headers=dict(_HEADERS))


@router.post(
    "/api/v1/api-keys/<key_id>/rotate",
    operation_id="rotateApiKey",
    summary="Rotate an API key",
    status_code=HTTPStatus.CREATED,
    description="Creates a key that replaces another. The old key stays valid for `graceSeconds`, so that clients can "
    "change over without interruption.",
    response_description="The new key with its secret.",
    tags=["API keys"],
    security=needs("keys:manage"),
)
def handle_post_rotation(
    key_id: KeyId, body: Annotated[RotationRequest | None, Body()] = None
) -> Response[CreatedApiKeyView]:
    """Handles POST: returns 201 with the new key, which is not shown again."""
    view = replace_key(database(), caller_of(router), key_id, (body or RotationRequest()).grace_seconds)
    return Response(HTTPStatus.CREATED, "application/json", view, headers=dict(_HEADERS))


@router.delete(
    "/api/v1/api-keys/<key_id>",
    operation_id="revokeApiKey",
    summary="Revoke an API key",
    status_code=HTTPStatus.NO_CONTENT,
    description="Revokes a key immediately. It stays in the list. Revoking it again has no effect.",
    response_description="The key was revoked.",
    tags=["API keys"],
    security=needs("keys:manage"),
)
def handle_delete_key(key_id: KeyId) -> Response[None]:
    """Handles DELETE: returns 204, also for a key that is already revoked."""
    end_key(database(), caller_of(router), key_id)
    return Response(HTTPStatus.NO_CONTENT)
