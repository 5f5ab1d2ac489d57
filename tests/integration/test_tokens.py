"""Tokens of an identity provider: a real one, as far as it matters here, that serves its description and its keys."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from psycopg import Connection
from psycopg.rows import TupleRow

import api.context
import api.tokens
from resma.errors import SettingsInvalid
from tests.integration.conftest import System, _forget

AUDIENCE = "https://reports.example/api"
REPORTS = "/api/v1/reports"


class Issuer:
    """Signs tokens, and serves what verifies them. `down` is to be away, `asked` counts how often it was not."""

    def __init__(self) -> None:
        self.keys = {"one": rsa.generate_private_key(public_exponent=65537, key_size=2048)}
        self.shown = ["one"]
        self.down = False
        self.asked: list[str] = []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                answer = None if issuer.down else issuer.documents().get(self.path)
                self.send_response(503 if answer is None else 200)
                self.end_headers()
                self.wfile.write(json.dumps(answer or {}).encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.says_of_itself = self.url
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def documents(self) -> dict[str, Any]:
        """What is served, by path."""
        algorithm = jwt.algorithms.RSAAlgorithm
        keys = [
            {**algorithm.to_jwk(self.keys[name].public_key(), as_dict=True), "kid": name, "use": "sig"}
            for name in self.shown
        ]
        return {
            "/.well-known/openid-configuration": {"issuer": self.says_of_itself, "jwks_uri": f"{self.url}/keys"},
            "/keys": {"keys": keys},
        }

    def sign(self, key: str = "one", algorithm: str = "RS256", kid: str | None = "one", **claims: Any) -> str:
        """A token of the demo tenant that may read reports, but for what is said; None leaves a claim out."""
        said = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "maria@bank.example",
            "exp": int(time.time()) + 300,
            "tenant_id": "demo",
            "scope": "openid reports:read",
            **claims,
        }
        payload = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(payload, self.keys[key], algorithm, headers={"kid": kid} if kid else {})

    def close(self) -> None:
        """Ends the server."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture(scope="module")
def signing() -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.close()


@pytest.fixture
def issuer(signing: Issuer, system: System, monkeypatch: pytest.MonkeyPatch) -> Issuer:
    """An identity provider that the API trusts, and has not asked yet."""
    monkeypatch.setenv("OIDC_ISSUER", signing.url)
    monkeypatch.setenv("OIDC_AUDIENCE", AUDIENCE)
    signing.shown, signing.down, signing.says_of_itself = ["one"], False, signing.url
    signing.asked.clear()
    return signing


def call(system: System, token: str, path: str = REPORTS) -> tuple[int, Any, Any]:
    return system.call_with(token, "GET", path)


def test_a_token_is_let_in_as_its_tenant(issuer: Issuer, system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(format="CSV")
    status, _, body = call(system, issuer.sign())
    assert (status, [item["id"] for item in body["items"]]) == (200, [str(report_id)])
    assert system.work_once()
    assert call(system, issuer.sign(scope="reports:read personal:read"), f"{REPORTS}/{report_id}/download")[0] == 303
    ((subject,),) = admin.execute(
        "SELECT subject FROM resma.download_links WHERE report_id = %s", [report_id]
    ).fetchall()
    assert subject == "token:maria@bank.example"


def test_the_keys_are_kept(issuer: Issuer, system: System) -> None:
    for _ in range(3):
        assert call(system, issuer.sign())[0] == 200
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"exp": 1}, "expired"),
        ({"exp": None}, "lacks"),
        ({"aud": "somebody-else"}, "another audience"),
        ({"aud": None}, "lacks"),
        ({"iss": "https://elsewhere.example"}, "another issuer"),
        ({"iss": None}, "lacks"),
        ({"sub": None}, "lacks"),
        ({"sub": "maria\x00"}, "sub"),
        ({"sub": 7}, "sub"),
        ({"nbf": 10_000_000_000}, "not valid yet"),
        ({"tenant_id": None}, "names no tenant"),
        ({"tenant_id": ["demo"]}, "names no tenant"),
        ({"tenant_id": "demo' OR true --"}, "names no tenant"),
        ({"tenant_id": "nobody"}, "no such tenant"),
    ],
)
def test_a_token_that_is_not_for_us_is_refused(
    issuer: Issuer, system: System, claims: dict[str, Any], says: str
) -> None:
    token = issuer.sign(**claims)
    status, headers, problem = call(system, token)
    assert (status, headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert says in problem["detail"]
    assert token not in str(problem)


def test_a_clock_may_be_a_little_off(issuer: Issuer, system: System) -> None:
    assert call(system, issuer.sign(exp=int(time.time()) - 5))[0] == 200
    assert call(system, issuer.sign(exp=int(time.time()) - 60))[0] == 401


def test_a_token_signed_by_nobody_or_by_another_is_refused(issuer: Issuer, system: System) -> None:
    issuer.keys["stranger"] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert call(system, issuer.sign(key="stranger"))[0] == 401
    assert call(system, issuer.sign(key="stranger", kid="stranger"))[0] == 401
    claims = jwt.decode(issuer.sign(), options={"verify_signature": False})
    assert call(system, jwt.encode(claims, "", algorithm="none"))[0] == 401
    good = issuer.sign()
    assert call(system, good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB"))[0] == 401
    assert call(system, "a.b.c")[0] == 401


def test_a_public_key_is_no_password(issuer: Issuer, system: System) -> None:
    """The classic: the token says HS256, and is signed with the text that everybody can fetch."""
    from base64 import urlsafe_b64encode
    from hashlib import sha256
    from hmac import new

    public = json.dumps(issuer.documents()["/keys"]["keys"][0]).encode()
    claims = jwt.decode(issuer.sign(), options={"verify_signature": False})
    head, body = (
        urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"alg": "HS256", "kid": "one", "typ": "JWT"}, claims)
    )
    signature = urlsafe_b64encode(new(public, head + b"." + body, sha256).digest()).rstrip(b"=")
    status, _, problem = call(system, b".".join((head, body, signature)).decode())
    assert (status, "not taken" in problem["detail"]) == (401, True)


def test_a_key_of_another_kind_is_refused(issuer: Issuer, system: System) -> None:
    claims = jwt.decode(issuer.sign(), options={"verify_signature": False})
    other = jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), "ES256", headers={"kid": "one"})
    assert call(system, other)[0] == 401


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"scope": "reports:read"}, 200),
        ({"scope": None, "scp": "reports:read"}, 200),
        ({"scope": None, "scp": ["openid", "reports:read"]}, 200),
        ({"scope": "openid reports:reader"}, 403),
        ({"scope": None}, 403),
        ({"scope": {"reports:read": True}}, 403),
        ({"scope": None, "scp": [["reports:read"], 7, None]}, 403),
    ],
)
def test_scopes_come_as_providers_write_them(
    issuer: Issuer, system: System, claims: dict[str, Any], status: int
) -> None:
    assert call(system, issuer.sign(**claims))[0] == status


def test_a_provider_that_is_away_is_no_fault_of_the_caller(issuer: Issuer, system: System) -> None:
    issuer.down = True
    status, headers, problem = call(system, issuer.sign())
    assert (status, headers["Retry-After"]) == (503, "5")
    assert problem["type"] == "urn:resma:problem:identity-provider-unavailable"
    assert "identity provider" in problem["detail"]


def test_known_keys_stay_good_while_the_provider_is_away(
    issuer: Issuer, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call(system, issuer.sign())[0] == 200
    issuer.down = True
    monkeypatch.setattr(api.tokens, "FRESH_SECONDS", -1)
    monkeypatch.setattr(api.tokens, "PAUSE_SECONDS", -1)
    assert call(system, issuer.sign())[0] == 200
    monkeypatch.setattr(api.tokens, "STALE_SECONDS", -1)
    assert call(system, issuer.sign())[0] == 503


def test_a_new_key_is_found_and_an_unknown_one_asked_for_once(
    issuer: Issuer, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call(system, issuer.sign())[0] == 200
    issuer.keys["two"] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    issuer.shown = ["one", "two"]
    monkeypatch.setattr(api.tokens, "PAUSE_SECONDS", -1)
    assert call(system, issuer.sign(key="two", kid="two", algorithm="PS256"))[0] == 200
    monkeypatch.setattr(api.tokens, "PAUSE_SECONDS", 15)
    asked = len(issuer.asked)
    for number in range(20):
        assert call(system, issuer.sign(kid=f"made-up-{number}"))[0] == 401
    assert len(issuer.asked) == asked, "made-up keys must not become the provider's load"


def test_a_provider_without_keys_is_not_asked_by_every_token(issuer: Issuer, system: System) -> None:
    issuer.shown = []
    for _ in range(5):
        assert call(system, issuer.sign())[0] in {401, 503}
    asked = len(issuer.asked)
    assert call(system, issuer.sign())[0] == 503
    assert len(issuer.asked) == asked
    assert asked <= 2, "its description and its keys, once"


def test_a_provider_that_is_another_is_not_believed(issuer: Issuer, system: System) -> None:
    issuer.says_of_itself = "https://elsewhere.example"
    assert call(system, issuer.sign())[0] == 503


def test_no_provider_no_tokens(signing: Issuer, system: System) -> None:
    signing.asked.clear()
    assert call(system, signing.sign())[0] == 401
    assert signing.asked == []


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"STAGE": "prod", "LOOPBACK_TENANT": "", "OIDC_ISSUER": "http://x.example"}, "OIDC_ISSUER"),
        ({"OIDC_ISSUER": "https://x.example", "OIDC_AUDIENCE": ""}, "OIDC_ISSUER"),
        ({"STAGE": "prod"}, "LOOPBACK_TENANT"),
    ],
)
def test_settings_that_would_let_anybody_in_are_refused(
    system: System, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], says: str
) -> None:
    monkeypatch.setenv("OIDC_AUDIENCE", AUDIENCE)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    _forget()
    with pytest.raises(SettingsInvalid, match=says):
        api.context.settings()
