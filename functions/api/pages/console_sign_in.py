"""Routes for signing in to the console at an identity provider. They need no credentials."""

from __future__ import annotations

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.auth.console_sign_in import CodeRequest, SignInView, TokenView
from api.context import console_sign_in

router = APIGatewayRouter()  # type: ignore[no-untyped-call]

SIGN_IN, TOKEN = "/console/provider.json", "/console/token"

_NOT_STORED: dict[str, str | list[str]] = {"Cache-Control": "no-store"}


def is_open(method: str, path: str) -> bool:
    """Whether a request needs no credentials because it is a part of signing in."""
    return (method, path) in {("GET", SIGN_IN), ("POST", TOKEN)}


@router.get(SIGN_IN, include_in_schema=False)
def handle_get_sign_in() -> Response[SignInView]:
    """Handles GET: returns where to sign in."""
    return Response(HTTPStatus.OK, "application/json", console_sign_in().describe(), headers=dict(_NOT_STORED))


@router.post(TOKEN, include_in_schema=False)
def handle_post_token(body: CodeRequest) -> Response[TokenView]:
    """Handles POST: returns the access token for an authorization code."""
    return Response(HTTPStatus.OK, "application/json", console_sign_in().exchange(body), headers=dict(_NOT_STORED))
