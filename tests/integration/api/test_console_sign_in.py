"""Sign-in to the console at an identity provider: codes, ID tokens, renewal and sign-out."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.identity_provider import AUDIENCE, CLIENT_ID, IdentityProvider
from tests.support.system import System, clear_caches

ELSEWHERE = "203.0.113.9"
SIGN_IN, TOKEN = "/console/provider.json", "/console/token"
VERIFIER = "v" * 43
REDIRECT = "https://reports.example/console"
NONCE, KEY, OTHER_KEY = "n" * 42 + "A", "k" * 42 + "A", "o" * 42 + "A"
NONE = {
    "authorizationEndpoint": None,
    "endSessionEndpoint": None,
    "clientId": None,
    "scope": None,
    "audience": None,
}


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
    query = {"response_type": "code", "client_id": CLIENT_ID, "redirect_uri": REDIRECT, "state": "s", "nonce": NONCE}
    address = provider.authorize({**query, "code_challenge": challenge, "code_challenge_method": "S256"})
    return parse_qs(urlsplit(address).query)["code"][0]


def exchange(system: System, **body: Any) -> tuple[int, Any, Any]:
    """Exchanges a code from another machine without a key."""
    sent = {"codeVerifier": VERIFIER, "redirectUri": REDIRECT, "nonce": NONCE, "renewalKey": KEY, **body}
    return system.call_api("POST", TOKEN, sent, address=ELSEWHERE)


def with_cookie(system: System, action: str, cookie: str | None, key: str = KEY) -> tuple[int, Any, Any]:
    """Renews or revokes the session of a cookie."""
    headers = {"Cookie": f"theme=dark; {cookie}"} if cookie else {}
    return system.call_api("POST", f"{TOKEN}/{action}", {"renewalKey": key}, headers, address=ELSEWHERE)


def cookie_of(headers: Any) -> str:
    """Returns name and value of the cookie that a response sets."""
    return str(headers["Set-Cookie"]).partition(";")[0]


def test_the_page_gets_the_url_to_sign_in(system: System, provider: IdentityProvider) -> None:
    status, headers, found = system.call_api("GET", SIGN_IN, address=ELSEWHERE)
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    assert found == {
        "authorizationEndpoint": f"{provider.url}/authorize",
        "endSessionEndpoint": f"{provider.url}/sign-out",
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


@pytest.mark.parametrize(
    ("id_claims", "says"),
    [
        ({"nonce": "another"}, "answers another sign-in"),
        ({"nonce": None}, "answers another sign-in"),
        ({"aud": "another-client"}, "another client"),
        ({"aud": [CLIENT_ID, "another-client"]}, "another client"),
        ({"aud": [CLIENT_ID, "another-client"], "azp": "another-client"}, "another client"),
        ({"aud": None}, "another client"),
        ({"token_use": "access"}, "another client"),
        ({"iss": "https://elsewhere.example"}, "another issuer"),
        ({"exp": 1}, "expired"),
    ],
)
def test_an_id_token_of_another_sign_in_is_rejected(
    system: System, provider: IdentityProvider, id_claims: dict[str, Any], says: str
) -> None:
    provider.id_claims = id_claims
    status, headers, problem = exchange(system, code=code_of(provider))
    assert (status, says in problem["detail"]) == (401, True), problem
    assert "Set-Cookie" not in headers


@pytest.mark.parametrize("id_claims", [{"token_use": "id"}, {"aud": [CLIENT_ID, "api"], "azp": CLIENT_ID}])
def test_id_tokens_in_the_form_of_each_provider_are_accepted(
    system: System, provider: IdentityProvider, id_claims: dict[str, Any]
) -> None:
    provider.id_claims = id_claims
    assert exchange(system, code=code_of(provider))[0] == 200


def test_a_response_without_an_id_token_is_rejected(system: System, provider: IdentityProvider) -> None:
    provider.sends_id_token = False
    status, _, problem = exchange(system, code=code_of(provider))
    assert (status, "no ID token" in problem["detail"]) == (401, True)


def test_a_code_of_another_provider_is_never_sent_to_this_one(system: System, provider: IdentityProvider) -> None:
    """A mix-up attack sends the code of one provider to the token endpoint of another one (RFC 9207)."""
    code = code_of(provider)
    status, _, problem = exchange(system, code=code, issuer="https://another.example")
    assert (status, "not from the identity provider" in problem["detail"]) == (401, True)
    assert exchange(system, code=code, issuer=provider.url)[0] == 200, "the code was not sent, so it is still valid"


def test_a_provider_that_names_itself_in_responses_must_do_so(system: System, provider: IdentityProvider) -> None:
    provider.described = {"authorization_response_iss_parameter_supported": True}
    assert exchange(system, code=code_of(provider))[0] == 401
    assert exchange(system, code=code_of(provider), issuer=provider.url)[0] == 200


def test_a_session_is_renewed_with_its_cookie_and_its_key(system: System, provider: IdentityProvider) -> None:
    first = exchange(system, code=code_of(provider))[1]
    second_status, second, found = with_cookie(system, "renewal", cookie_of(first))
    assert (second_status, second["Cache-Control"], found.keys()) == (200, "no-store", {"accessToken"})
    assert system.call_with(found["accessToken"], "GET", "/api/v1/me")[0] == 200
    assert with_cookie(system, "renewal", cookie_of(first))[0] == 401, "the first refresh token was used"
    assert with_cookie(system, "renewal", cookie_of(second))[0] == 200


def test_a_refresh_token_is_not_readable_in_the_browser(
    system: System, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLIC_BASE_URL", "")
    headers, body = exchange(system, code=code_of(provider))[1:]
    (token,) = provider.refresh_tokens
    _, value = cookie_of(headers).split("=", 1)
    assert token not in value
    assert token not in str(body)
    assert headers["Set-Cookie"].partition("; ")[2] == (
        "Path=/test/console/token; HttpOnly; SameSite=Strict; Secure"  # API Gateway's stage is `test`
    )
    monkeypatch.setenv("PUBLIC_BASE_URL", "http://localhost:3008")
    clear_caches()
    headers = exchange(system, code=code_of(provider))[1]
    assert headers["Set-Cookie"].endswith("; Path=/console/token; HttpOnly; SameSite=Strict"), "no https here"


def test_a_cookie_without_the_key_of_its_session_is_useless(system: System, provider: IdentityProvider) -> None:
    cookie = cookie_of(exchange(system, code=code_of(provider))[1])
    for wrong, key in ((cookie, OTHER_KEY), (cookie[:-4] + "AAAA", KEY), ("resma-renewal=x", KEY), (None, KEY)):
        status, headers, problem = with_cookie(system, "renewal", wrong, key)
        assert (status, problem["detail"]) == (401, "The session cannot be renewed. Sign in again.")
        assert "Set-Cookie" not in headers
    assert with_cookie(system, "renewal", cookie)[0] == 200, "the refresh token was not used"


def test_a_provider_without_refresh_tokens_sets_no_cookie(system: System, provider: IdentityProvider) -> None:
    provider.refresh_token_length = 0
    status, headers, _ = exchange(system, code=code_of(provider))
    assert (status, "Set-Cookie" in headers) == (200, False)


def test_a_refresh_token_that_is_too_long_for_a_cookie_is_not_stored(
    system: System, provider: IdentityProvider
) -> None:
    for length, is_stored in ((2800, True), (3000, False)):
        provider.refresh_token_length = length
        status, headers, _ = exchange(system, code=code_of(provider))
        assert (status, "Set-Cookie" in headers) == (200, is_stored)
        assert len(headers.get("Set-Cookie", "")) < 4096


def test_a_renewal_checks_the_id_token_too(system: System, provider: IdentityProvider) -> None:
    cookie = cookie_of(exchange(system, code=code_of(provider))[1])
    provider.id_claims = {"aud": "another-client"}
    assert with_cookie(system, "renewal", cookie)[0] == 401


def test_signing_out_revokes_the_refresh_token_and_deletes_the_cookie(
    system: System, provider: IdentityProvider
) -> None:
    cookie = cookie_of(exchange(system, code=code_of(provider))[1])
    assert with_cookie(system, "revocation", cookie, OTHER_KEY)[0] == 204
    assert len(provider.refresh_tokens) == 1, "another page cannot sign the user out"
    for _ in range(2):
        status, headers, _ = with_cookie(system, "revocation", cookie)
        assert (status, "Max-Age=0" in headers["Set-Cookie"]) == (204, True)
        assert provider.refresh_tokens == set()
    assert with_cookie(system, "renewal", cookie)[0] == 401


def test_signing_out_works_while_the_provider_does_not_respond(
    system: System, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = cookie_of(exchange(system, code=code_of(provider))[1])
    monkeypatch.setenv("OIDC_ISSUER", "http://127.0.0.1:1")
    clear_caches()
    assert with_cookie(system, "revocation", cookie)[0] == 204
    assert with_cookie(system, "renewal", cookie)[0] == 503
    monkeypatch.setenv("OIDC_ISSUER", "")
    clear_caches()
    assert with_cookie(system, "revocation", cookie)[0] == 204


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": ""},
        {"code": "c", "codeVerifier": "short"},
        {"code": "c", "more": 1},
        {"code": "c", "nonce": ""},
        {"code": "c", "renewalKey": "k"},
        {"code": "c", "issuer": "a\x00b"},
    ],
)
def test_an_invalid_request_is_rejected(system: System, provider: IdentityProvider, wrong: Any) -> None:
    assert exchange(system, **wrong)[0] == 422
