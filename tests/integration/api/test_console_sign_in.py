"""Sign-in to the console at an identity provider, with an authorization code and its verifier."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.identity_provider import AUDIENCE, CLIENT_ID, IdentityProvider
from tests.support.system import System

ELSEWHERE = "203.0.113.9"
SIGN_IN, TOKEN = "/console/provider.json", "/console/token"
VERIFIER = "v" * 43
REDIRECT = "https://reports.example/console"
NONE = {"authorizationEndpoint": None, "clientId": None, "scope": None, "audience": None}


@pytest.fixture
def provider(system: System, monkeypatch: pytest.MonkeyPatch) -> Iterator[IdentityProvider]:
    """Returns a provider that the API trusts."""
    with IdentityProvider() as provider:
        provider.claims = {"sub": "maria", "scope": "reports:read"}
        monkeypatch.setenv("OIDC_ISSUER", provider.url)
        monkeypatch.setenv("OIDC_AUDIENCE", AUDIENCE)
        monkeypatch.setenv("CONSOLE_CLIENT_ID", CLIENT_ID)
        monkeypatch.setenv("STAGE", "local")
        yield provider


def code_of(provider: IdentityProvider, verifier: str = VERIFIER) -> str:
    """Returns an authorization code, as the provider sends it to the page."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {"response_type": "code", "client_id": CLIENT_ID, "redirect_uri": REDIRECT, "state": "s"}
    address = provider.authorize({**query, "code_challenge": challenge, "code_challenge_method": "S256"})
    return parse_qs(urlsplit(address).query)["code"][0]


def exchange(system: System, **body: Any) -> tuple[int, Any, Any]:
    """Exchanges a code from another machine without a key."""
    sent = {"codeVerifier": VERIFIER, "redirectUri": REDIRECT, **body}
    return system.call_api("POST", TOKEN, sent, address=ELSEWHERE)


def test_the_page_gets_the_url_to_sign_in(system: System, provider: IdentityProvider) -> None:
    status, headers, found = system.call_api("GET", SIGN_IN, address=ELSEWHERE)
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    assert found == {
        "authorizationEndpoint": f"{provider.url}/authorize",
        "clientId": CLIENT_ID,
        "scope": "openid profile",
        "audience": None,
    }


def test_without_a_client_or_a_provider_the_url_is_null(system: System) -> None:
    assert system.call_api("GET", SIGN_IN, address=ELSEWHERE)[2] == NONE
    status, _, problem = exchange(system, code="c")
    assert (status, problem["type"]) == (401, "urn:resma:problem:credentials-invalid")


def test_while_the_provider_does_not_respond_the_url_is_null(
    system: System, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OIDC_ISSUER", "http://127.0.0.1:1")
    assert system.call_api("GET", SIGN_IN, address=ELSEWHERE)[2] == NONE
    assert exchange(system, code="c")[0] == 503


def test_a_code_is_exchanged_for_a_token_once(system: System, provider: IdentityProvider) -> None:
    code = code_of(provider)
    status, headers, found = exchange(system, code=code)
    assert (status, headers["Cache-Control"], found.keys()) == (200, "no-store", {"accessToken"})
    me = system.call_with(found["accessToken"], "GET", "/api/v1/me")[2]
    assert (me["subject"], me["scopes"]) == ("token:maria", ["reports:read"])
    assert exchange(system, code=code)[0] == 401


@pytest.mark.parametrize("wrong", [{"codeVerifier": "w" * 43}, {"redirectUri": "https://elsewhere.example/console"}])
def test_a_code_with_another_verifier_or_redirect_is_rejected(
    system: System, provider: IdentityProvider, wrong: dict[str, str]
) -> None:
    status, _, problem = exchange(system, code=code_of(provider), **wrong)
    assert (status, problem["detail"]) == (401, "The identity provider rejected the sign-in. Sign in again.")


@pytest.mark.parametrize("wrong", [{"code": ""}, {"code": "c", "codeVerifier": "short"}, {"code": "c", "more": 1}])
def test_an_invalid_request_is_rejected(system: System, provider: IdentityProvider, wrong: Any) -> None:
    assert exchange(system, **wrong)[0] == 422
