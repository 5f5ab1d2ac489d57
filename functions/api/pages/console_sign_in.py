"""Routes for signing in to the console at an identity provider. They need no credentials."""

from __future__ import annotations

from http import HTTPStatus
from typing import TypeVar
from urllib.parse import urlsplit

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.auth.console_sign_in import CodeRequest, RenewalRequest, Session, SignInView, TokenView
from api.auth.renewal import RenewalCookie, read_cookie
from api.context import base_url, console_sign_in

router = APIGatewayRouter()  # type: ignore[no-untyped-call]

SIGN_IN, TOKEN = "/console/provider.json", "/console/token"
RENEWAL, REVOCATION = f"{TOKEN}/renewal", f"{TOKEN}/revocation"

T = TypeVar("T")


def is_open(method: str, path: str) -> bool:
    """Whether a request needs no credentials because it is a part of signing in or out."""
    return (method, path) in {("GET", SIGN_IN), ("POST", TOKEN), ("POST", RENEWAL), ("POST", REVOCATION)}


@router.get(SIGN_IN, include_in_schema=False)
def handle_get_sign_in() -> Response[SignInView]:
    """Handles GET: returns where to sign in."""
    return _not_stored(console_sign_in().describe())


@router.post(TOKEN, include_in_schema=False)
def handle_post_token(body: CodeRequest) -> Response[TokenView]:
    """Handles POST: returns the access token for an authorization code."""
    return _answer(console_sign_in().exchange(body))


@router.post(RENEWAL, include_in_schema=False)
def handle_post_renewal(body: RenewalRequest) -> Response[TokenView]:
    """Handles POST: returns a new access token for the session of a cookie."""
    return _answer(console_sign_in().renew(body, _cookie()))


@router.post(REVOCATION, include_in_schema=False)
def handle_post_revocation(body: RenewalRequest) -> Response[None]:
    """Handles POST: ends the session of a cookie, so that it cannot be renewed."""
    console_sign_in().revoke(body, _cookie())
    headers: dict[str, str | list[str]] = {"Cache-Control": "no-store", "Set-Cookie": _renewal_cookie().delete()}
    return Response(HTTPStatus.NO_CONTENT, None, None, headers=headers)


def _answer(session: Session) -> Response[TokenView]:
    answer = _not_stored(session.token)
    if session.cookie is not None:
        answer.headers["Set-Cookie"] = _renewal_cookie().store(session.cookie)
    return answer


def _not_stored(body: T) -> Response[T]:
    return Response(HTTPStatus.OK, "application/json", body, headers={"Cache-Control": "no-store"})


def _cookie() -> str | None:
    return read_cookie(router.current_event.headers.get("Cookie"))


def _renewal_cookie() -> RenewalCookie:
    url = urlsplit(base_url(router))
    return RenewalCookie(f"{url.path}{TOKEN}", is_secure=url.scheme == "https")
