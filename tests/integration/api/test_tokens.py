"""Tokens of an identity provider, which is a local server with a discovery document and public keys."""

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

import api.auth.tokens
import api.context
from resma.errors import SettingsInvalidError
from tests.support.system import System, clear_caches

AUDIENCE = "https://reports.example/api"
REPORTS = "/api/v1/reports"


class Issuer:
    """A provider that signs tokens and serves its keys. `down` makes it unavailable. `asked` lists the requests."""

    def __init__(self) -> None:
        self.keys = {"one": rsa.generate_private_key(public_exponent=65537, key_size=2048)}
        self.shown = ["one"]
        self.down = False
        self.asked: list[str] = []
        self.replaced: dict[str, bytes] = {}
        issuer = self

        class IssuerHandler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                answer = None if issuer.down else issuer.documents().get(self.path)
                self.send_response(503 if answer is None else 200)
                self.end_headers()
                self.wfile.write(issuer.replaced.get(self.path, json.dumps(answer or {}).encode()))

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name in the base class
                """Logs nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), IssuerHandler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.says_of_itself = self.url
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def documents(self) -> dict[str, Any]:
        """Returns the documents that are served, by path."""
        algorithm = jwt.algorithms.RSAAlgorithm
        keys = [
            {**algorithm.to_jwk(self.keys[name].public_key(), as_dict=True), "kid": name, "use": "sig"}
            for name in self.shown
        ]
        return {
            "/.well-known/openid-configuration": {"issuer": self.says_of_itself, "jwks_uri": f"{self.url}/keys"},
            "/keys": {"keys": keys},
        }

    def sign(
        self,
        key: str = "one",
        algorithm: str = "RS256",
        kid: str | None = "one",
        header_type: str | None = None,
        **claims: Any,
    ) -> str:
        """Returns a token of the demo tenant with `reports:read`, changed by the arguments. None omits a claim."""
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
        headers = {**({"kid": kid} if kid else {}), "typ": header_type}
        return jwt.encode(payload, self.keys[key], algorithm, headers=headers)

    def close(self) -> None:
        """Stops the server."""
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
    """An identity provider that the API trusts and has not sent a request to yet."""
    monkeypatch.setenv("OIDC_ISSUER", signing.url)
    monkeypatch.setenv("OIDC_AUDIENCE", AUDIENCE)
    signing.shown, signing.down, signing.says_of_itself = ["one"], False, signing.url
    signing.asked.clear()
    return signing


def call(system: System, token: str, path: str = REPORTS) -> tuple[int, Any, Any]:
    return system.call_with(token, "GET", path)


def test_a_token_is_accepted_as_its_tenant(issuer: Issuer, system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(format="CSV")
    status, _, body = call(system, issuer.sign())
    assert (status, [item["id"] for item in body["items"]]) == (200, [str(report_id)])
    assert system.work_once()
    assert call(system, issuer.sign(scope="reports:read personal:read"), f"{REPORTS}/{report_id}/download")[0] == 303
    ((subject,),) = admin.execute(
        "SELECT subject FROM resma.download_links WHERE report_id = %s", [report_id]
    ).fetchall()
    assert subject == "token:maria@bank.example"


def test_the_keys_are_cached(issuer: Issuer, system: System) -> None:
    for _ in range(3):
        assert call(system, issuer.sign())[0] == 200
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"exp": 1}, "expired"),
        ({"exp": None}, "must have the claims"),
        ({"aud": "somebody-else"}, "another audience"),
        ({"aud": None}, "must have the claims"),
        ({"iss": "https://elsewhere.example"}, "another issuer"),
        ({"iss": None}, "must have the claims"),
        ({"sub": None}, "must have the claims"),
        ({"sub": "maria\x00"}, "sub"),
        ({"sub": 7}, "sub"),
        ({"nbf": 10_000_000_000}, "not valid yet"),
        ({"tenant_id": None}, "is not the id of a tenant"),
        ({"tenant_id": ["demo", "other"]}, "is not the id of a tenant"),
        ({"tenant_id": {}}, "is not the id of a tenant"),
        ({"tenant_id": "demo' OR true --"}, "is not the id of a tenant"),
        ({"tenant_id": "nobody"}, "does not exist"),
    ],
)
def test_a_token_with_invalid_claims_is_rejected(
    issuer: Issuer, system: System, claims: dict[str, Any], says: str
) -> None:
    token = issuer.sign(**claims)
    status, headers, problem = call(system, token)
    assert (status, headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert says in problem["detail"]
    assert token not in str(problem)


def test_a_small_clock_difference_is_tolerated(issuer: Issuer, system: System) -> None:
    assert call(system, issuer.sign(exp=int(time.time()) - 5))[0] == 200
    assert call(system, issuer.sign(exp=int(time.time()) - 60))[0] == 401


def test_a_token_without_a_valid_signature_is_rejected(issuer: Issuer, system: System) -> None:
    issuer.keys["stranger"] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert call(system, issuer.sign(key="stranger"))[0] == 401
    assert call(system, issuer.sign(key="stranger", kid="stranger"))[0] == 401
    claims = jwt.decode(issuer.sign(), options={"verify_signature": False})
    assert call(system, jwt.encode(claims, "", algorithm="none"))[0] == 401
    good = issuer.sign()
    assert call(system, good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB"))[0] == 401
    assert call(system, "a.b.c")[0] == 401


def test_a_public_key_is_not_accepted_as_a_symmetric_key(issuer: Issuer, system: System) -> None:
    """The token has the algorithm HS256, and is signed with the public key as its secret."""
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
    assert (status, "not accepted" in problem["detail"]) == (401, True)


def test_a_key_for_another_algorithm_is_rejected(issuer: Issuer, system: System) -> None:
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
def test_scopes_are_read_in_the_form_of_each_provider(
    issuer: Issuer, system: System, claims: dict[str, Any], status: int
) -> None:
    assert call(system, issuer.sign(**claims))[0] == status


# Access tokens in the documentation of the providers (November 2026), with the settings of the deployment for each.
COGNITO: dict[str, Any] = {
    "aud": None,
    "client_id": AUDIENCE,
    "token_use": "access",
    "version": 2,
    "scope": "openid resma/reports:read resma/personal:read other/keys:manage aws.cognito.signin.user.admin",
    "username": "maria",
    "cognito:groups": ["staff"],
    "origin_jti": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
}
COGNITO_CLIENT = {**COGNITO, "sub": AUDIENCE, "username": None, "scope": "resma/reports:read"}
ENTRA = {
    "scope": None,
    "ver": "2.0",
    "tid": "demo",
    "azp": "6731de76-14a6-49ae-97bc-6eba6914391e",
    "azpacr": "1",
    "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474",
    "rh": "0.ARoAv4j5cvGGr0GRqy180BHbR",
    "uti": "N_xK3t6Y",
    "tenant_id": None,
}
ENTRA_DELEGATED = {**ENTRA, "scp": "reports:read Files.Read", "roles": ["keys:manage"]}
ENTRA_APP = {**ENTRA, "idtyp": "app", "roles": ["reports:read", "Task.Read"]}
ENTRA_V1 = {**ENTRA_DELEGATED, "ver": "1.0", "appid": ENTRA["azp"], "azp": None, "azpacr": None, "appidacr": "1"}
AUTH0 = {
    "aud": [AUDIENCE, "https://bank.eu.auth0.com/userinfo"],
    "azp": "my_client_id",
    "scope": "openid profile",
    "permissions": ["reports:read"],
    "tenant_id": None,
    "https://reports.example/tenant_id": "demo",
}
AUTH0_CLIENT = {
    **{**AUTH0, "permissions": None, "gty": "client-credentials", "sub": "K1AUPhZq8mRi@clients"},
    "scope": "reports:read read:patients",
}
AUTH0_RFC9068 = {**AUTH0, "azp": None, "client_id": "my_client_id", "jti": "73WakrfVbNJBaAmhQtEeDv"}
KEYCLOAK = {
    "aud": [AUDIENCE, "account"],
    "typ": "Bearer",
    "azp": "reports-app",
    "sid": "b7e4d9c2",
    "acr": "1",
    "allowed-origins": ["https://app.example"],
    "scope": "email profile",
    "realm_access": {"roles": ["offline_access", "reports:read"]},
    "resource_access": {"account": {"roles": ["view-profile"]}},
    "tenant_id": None,
    "organization": ["demo"],
}
KEYCLOAK_ORGANIZATION_IDS = {**KEYCLOAK, "organization": {"demo": {"id": "42c3e46f"}}}
KEYCLOAK_SCOPES = {**KEYCLOAK, "scope": "email reports:read", "realm_access": None}


@pytest.mark.parametrize(
    ("claims", "parameters", "header_type"),
    [
        (COGNITO, {"SCOPES_PREFIX": "resma/"}, None),
        (COGNITO_CLIENT, {"SCOPES_PREFIX": "resma/"}, None),
        ({**COGNITO, "aud": AUDIENCE, "client_id": "another"}, {"SCOPES_PREFIX": "resma/"}, None),
        (ENTRA_DELEGATED, {"SCOPES_CLAIM": "scp,roles", "TENANT_CLAIM": "tid"}, "JWT"),
        (ENTRA_APP, {"SCOPES_CLAIM": "scp, roles", "TENANT_CLAIM": "tid"}, "JWT"),
        (ENTRA_V1, {"TENANT_CLAIM": "tid"}, "JWT"),
        (AUTH0, {"SCOPES_CLAIM": "permissions", "TENANT_CLAIM": "https://reports.example/tenant_id"}, "JWT"),
        (AUTH0_CLIENT, {"TENANT_CLAIM": "https://reports.example/tenant_id"}, "JWT"),
        (
            AUTH0_RFC9068,
            {"SCOPES_CLAIM": "permissions,scope", "TENANT_CLAIM": "https://reports.example/tenant_id"},
            "at+jwt",
        ),
        (KEYCLOAK, {"SCOPES_CLAIM": "realm_access.roles", "TENANT_CLAIM": "organization"}, "JWT"),
        (KEYCLOAK_ORGANIZATION_IDS, {"SCOPES_CLAIM": "realm_access.roles", "TENANT_CLAIM": "organization"}, "JWT"),
        (KEYCLOAK_SCOPES, {"TENANT_CLAIM": "organization"}, "application/at+JWT"),
    ],
    ids=[
        *("cognito", "cognito client", "cognito resource binding", "entra delegated", "entra application", "entra v1"),
        *("auth0", "auth0 client", "auth0 rfc 9068", "keycloak", "keycloak organization ids", "keycloak client scopes"),
    ],
)
def test_tokens_of_large_providers_are_accepted(
    issuer: Issuer,
    system: System,
    monkeypatch: pytest.MonkeyPatch,
    claims: dict[str, Any],
    parameters: dict[str, str],
    header_type: str | None,
) -> None:
    for name, value in parameters.items():
        monkeypatch.setenv(f"OIDC_{name}", value)
    token = issuer.sign(header_type=header_type, **claims)
    assert call(system, token)[0] == 200
    caller = call(system, token, "/api/v1/me")[2]
    assert caller["tenantId"] == "demo"
    assert caller["subject"] == f"token:{claims.get('sub', 'maria@bank.example')}"
    is_personal = "resma/personal:read" in claims["scope"] if claims.get("scope") else False
    assert caller["scopes"] == (["personal:read", "reports:read"] if is_personal else ["reports:read"])


GROUPS = {
    "GROUPS_CLAIM": "cognito:groups",
    "GROUP_SCOPES": "staff=reports:read; back office=reports:read,reports:write;a=b=keys:manage",
}
CLERKS, AUDITORS = "0b5d2f8e-6a0f-4e0e-9d55-1f0f3a0f9a11", "c3a7c1d2-8d0b-4c58-b1f4-5a5b6e0f7c22"
ENTRA_GROUPS = {
    "TENANT_CLAIM": "tid",
    "GROUPS_CLAIM": "groups",
    "GROUP_SCOPES": f"{CLERKS}=reports:read,reports:write;{AUDITORS}=reports:read,personal:read",
}
ENTRA_PERSON = {**ENTRA, "scp": "access keys:manage", "name": "Maria Souza", "preferred_username": "maria@bank.example"}
ENTRA_ROLES = {**ENTRA_GROUPS, "GROUPS_CLAIM": "roles", "GROUP_SCOPES": "Reports.Clerk=reports:read"}
OVERAGE = {
    "_claim_names": {"groups": "src1"},
    "_claim_sources": {"src1": {"endpoint": "https://graph.windows.net/demo/users/690222be"}},
}


@pytest.mark.parametrize(
    ("claims", "parameters", "scopes"),
    [
        (COGNITO, GROUPS, ["reports:read"]),
        ({**COGNITO, "cognito:groups": ["x", "a=b", "staff"]}, GROUPS, ["keys:manage", "reports:read"]),
        ({**COGNITO, "cognito:groups": ["staff", "back office"]}, GROUPS, ["reports:read", "reports:write"]),
        ({**COGNITO_CLIENT, "cognito:groups": None}, {**GROUPS, "SCOPES_PREFIX": "resma/"}, ["reports:read"]),
        ({**ENTRA_PERSON, "groups": [CLERKS]}, ENTRA_GROUPS, ["reports:read", "reports:write"]),
        (
            {**ENTRA_PERSON, "groups": [AUDITORS, CLERKS, "unknown"]},
            ENTRA_GROUPS,
            ["personal:read", "reports:read", "reports:write"],
        ),
        (
            {**ENTRA_PERSON, "ver": "1.0", "appid": ENTRA["azp"], "azp": None, "groups": [CLERKS]},
            ENTRA_GROUPS,
            ["reports:read", "reports:write"],
        ),
        ({**ENTRA_PERSON, "roles": ["Reports.Clerk"], "idtyp": "user"}, ENTRA_ROLES, ["reports:read"]),
        ({**ENTRA_PERSON, **OVERAGE, "roles": ["Reports.Clerk"]}, ENTRA_ROLES, ["reports:read"]),
        (ENTRA_APP, {**ENTRA_GROUPS, "SCOPES_CLAIM": "scp,roles"}, ["reports:read"]),
        (
            {**ENTRA_APP, "idtyp": None, "sub": ENTRA["oid"]},
            {**ENTRA_GROUPS, "SCOPES_CLAIM": "scp,roles"},
            ["reports:read"],
        ),
        (
            {**AUTH0_CLIENT, "azp": "K1AUPhZq8mRi", "tenant_id": "demo"},
            {"GROUPS_CLAIM": "https://reports.example/roles", "GROUP_SCOPES": "clerk=keys:manage"},
            ["reports:read"],
        ),
        (KEYCLOAK, {**GROUPS, "GROUPS_CLAIM": "organization", "GROUP_SCOPES": "demo=reports:write"}, ["reports:write"]),
    ],
    ids=[
        *("cognito", "cognito unknown group", "cognito several groups", "cognito client", "entra", "entra several"),
        *("entra v1", "entra app roles", "entra app roles with overage", "entra application", "entra without idtyp"),
        *("auth0 client", "keycloak"),
    ],
)
def test_people_have_the_scopes_of_their_groups_and_programs_those_of_their_token(
    issuer: Issuer,
    system: System,
    monkeypatch: pytest.MonkeyPatch,
    claims: dict[str, Any],
    parameters: dict[str, str],
    scopes: list[str],
) -> None:
    for name, value in (
        {"TENANT_CLAIM": "organization", **parameters}.items() if claims is KEYCLOAK else parameters.items()
    ):
        monkeypatch.setenv(f"OIDC_{name}", value)
    caller = call(system, issuer.sign(**claims), "/api/v1/me")
    assert (caller[0], caller[2].get("scopes")) == (200, scopes), caller[2]


@pytest.mark.parametrize(
    ("claims", "parameters", "says"),
    [
        ({**COGNITO, "cognito:groups": None}, GROUPS, "no groups: its claim `cognito:groups`"),
        ({**COGNITO, "cognito:groups": []}, GROUPS, "has no groups"),
        ({**COGNITO, "cognito:groups": ["guests", "x"]}, GROUPS, "Of 2 groups"),
        ({**COGNITO, "cognito:groups": {"staff": True}}, GROUPS, "has no groups"),
        ({**COGNITO, "cognito:groups": [["staff"], 7, None]}, GROUPS, "Of 3 groups"),
        ({**COGNITO, "cognito:groups": ["Staff", "staff "]}, GROUPS, "Of 2 groups"),
        (ENTRA_PERSON, ENTRA_GROUPS, "has no groups"),
        ({**ENTRA_PERSON, **OVERAGE}, ENTRA_GROUPS, "too many groups"),
        ({**ENTRA_PERSON, "hasgroups": True}, ENTRA_GROUPS, "too many groups"),
        # The app roles of a person, and the scopes that the client requested, are not roles here.
        ({**ENTRA_PERSON, "roles": ["reports:read"], "idtyp": "user"}, ENTRA_GROUPS, "has no groups"),
    ],
)
def test_people_without_a_known_group_are_refused(
    issuer: Issuer,
    system: System,
    monkeypatch: pytest.MonkeyPatch,
    claims: dict[str, Any],
    parameters: dict[str, str],
    says: str,
) -> None:
    for name, value in parameters.items():
        monkeypatch.setenv(f"OIDC_{name}", value)
    for path in (REPORTS, "/api/v1/me"):
        status, headers, problem = call(system, issuer.sign(**claims), path)
        assert (status, problem["type"]) == (403, "urn:resma:problem:role-missing")
        assert headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope"'
        assert says in problem["detail"]


@pytest.mark.parametrize(
    ("claims", "header_type", "says"),
    [
        ({"typ": "ID"}, "JWT", "not an access token"),
        ({"typ": "Refresh"}, "JWT", "not an access token"),
        ({"typ": "Offline"}, "JWT", "not an access token"),
        ({"typ": "Logout", "events": {}}, "logout+jwt", "not an access token"),
        ({}, "logout+jwt", "not an access token"),
        ({}, "dpop+jwt", "not an access token"),
        ({"token_use": "id"}, None, "not an access token"),
        ({"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"}, "JWT", "not an access token"),
        ({"c_hash": "LDktKdoQak3Pk0cnXxCltA"}, "JWT", "not an access token"),
        ({"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}, "at+jwt", "bound to a client key"),
        ({"typ": "DPoP", "cnf": {"jkt": "0ZcOCORZNYy"}}, "JWT", "not an access token"),
    ],
)
def test_other_tokens_of_the_issuer_are_rejected(
    issuer: Issuer, system: System, claims: dict[str, Any], header_type: str | None, says: str
) -> None:
    status, _, problem = call(system, issuer.sign(header_type=header_type, **claims))
    assert (status, says in problem["detail"]) == (401, True), problem


@pytest.mark.parametrize(
    "document",
    [
        b"[" * 100_000 + b"]" * 100_000,
        b'{"keys": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"keys": ' + b"9" * 100_000 + b"}",
        b'{"keys": {}}',
        b'{"keys": [7, null, "x", []]}',
        b'{"keys": [{"kty": "RSA", "kid": "one", "n": 5, "e": "AQAB"}]}',
        b'{"keys": [{"kty": "RSA", "kid": "one", "n": "", "e": ""}]}',
        b'{"keys": [{"kty": "EC", "kid": "one", "crv": "P-256", "x": "AA", "y": "AA"}]}',
        b'{"keys": [{"kty": "oct", "kid": "one", "k": "c2VjcmV0"}]}',
        b'{"keys": [{"kty": "RSA", "kid": "one", "use": "enc", "alg": "RSA-OAEP", "n": "AQAB", "e": "AQAB"}]}',
        b"\xff\xfe{}",
        b"",
    ],
)
@pytest.mark.parametrize("path", ["/keys", "/.well-known/openid-configuration"])
def test_a_malformed_discovery_document_is_503(
    issuer: Issuer, system: System, monkeypatch: pytest.MonkeyPatch, path: str, document: bytes
) -> None:
    monkeypatch.setitem(issuer.replaced, path, document)
    status, _, problem = call(system, issuer.sign())
    assert (status, problem["type"]) == (503, "urn:resma:problem:identity-provider-unavailable")


def test_private_and_symmetric_keys_are_ignored(
    issuer: Issuer, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = jwt.algorithms.RSAAlgorithm.to_jwk(issuer.keys["one"], as_dict=True)
    good = issuer.documents()["/keys"]["keys"][0]
    for keys, status in (([{**private, "kid": "one"}], 503), ([{**private, "kid": "bad"}, good], 200)):
        monkeypatch.setitem(issuer.replaced, "/keys", json.dumps({"keys": keys}).encode())
        clear_caches()
        assert call(system, issuer.sign())[0] == status
    assert call(system, issuer.sign(kid="bad"))[0] == 401


def test_one_of_several_audiences_is_enough(issuer: Issuer, system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDC_AUDIENCE", f"client-1, client-2,{AUDIENCE}")
    monkeypatch.setenv("OIDC_SCOPES_PREFIX", "resma/")
    for client in ("client-1", "client-2"):
        assert call(system, issuer.sign(**{**COGNITO, "client_id": client}))[0] == 200
        assert call(system, issuer.sign(aud=[client, "another"], scope="resma/reports:read"))[0] == 200
    for client in ("client", "client-1, client-2", ""):
        assert call(system, issuer.sign(**{**COGNITO, "client_id": client}))[0] == 401
        assert call(system, issuer.sign(aud=client))[0] == 401


def test_scopes_with_another_prefix_are_ignored(
    issuer: Issuer, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OIDC_SCOPES_PREFIX", "resma/")
    assert call(system, issuer.sign(scope="reports:read other/reports:read resma/"))[0] == 403


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({**COGNITO, "client_id": "somebody-else"}, "another audience"),
        ({**COGNITO, "client_id": None}, "another audience"),
        ({**COGNITO, "client_id": [AUDIENCE]}, "another audience"),
        ({**COGNITO, "token_use": None}, "must have the claims"),
        # An ID token, whose audience is the client.
        ({**COGNITO, "aud": AUDIENCE, "token_use": "id"}, "not an access token"),
        # `client_id` does not replace an existing audience.
        ({**COGNITO, "aud": "somebody-else"}, "another audience"),
        ({**COGNITO, "aud": []}, "another audience"),
    ],
)
def test_client_id_replaces_the_audience_only_in_access_tokens(
    issuer: Issuer, system: System, monkeypatch: pytest.MonkeyPatch, claims: dict[str, Any], says: str
) -> None:
    monkeypatch.setenv("OIDC_SCOPES_PREFIX", "resma/")
    status, _, problem = call(system, issuer.sign(**claims))
    assert (status, says in problem["detail"]) == (401, True), problem


def test_an_unavailable_provider_is_503(issuer: Issuer, system: System) -> None:
    issuer.down = True
    status, headers, problem = call(system, issuer.sign())
    assert (status, headers["Retry-After"]) == (503, "5")
    assert problem["type"] == "urn:resma:problem:identity-provider-unavailable"
    assert "identity provider" in problem["detail"]


def test_cached_keys_stay_valid_while_the_provider_is_unavailable(
    issuer: Issuer, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call(system, issuer.sign())[0] == 200
    issuer.down = True
    monkeypatch.setattr(api.auth.tokens, "FRESH_SECONDS", -1)
    monkeypatch.setattr(api.auth.tokens, "PAUSE_SECONDS", -1)
    assert call(system, issuer.sign())[0] == 200
    monkeypatch.setattr(api.auth.tokens, "STALE_SECONDS", -1)
    assert call(system, issuer.sign())[0] == 503


def test_a_new_key_is_found_and_an_unknown_key_is_requested_once(
    issuer: Issuer, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call(system, issuer.sign())[0] == 200
    issuer.keys["two"] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    issuer.shown = ["one", "two"]
    monkeypatch.setattr(api.auth.tokens, "PAUSE_SECONDS", -1)
    assert call(system, issuer.sign(key="two", kid="two", algorithm="PS256"))[0] == 200
    monkeypatch.setattr(api.auth.tokens, "PAUSE_SECONDS", 15)
    asked = len(issuer.asked)
    for number in range(20):
        assert call(system, issuer.sign(kid=f"made-up-{number}"))[0] == 401
    assert len(issuer.asked) == asked, "made-up keys must not become the provider's load"


def test_a_provider_without_keys_is_not_requested_for_every_token(issuer: Issuer, system: System) -> None:
    issuer.shown = []
    for _ in range(5):
        assert call(system, issuer.sign())[0] == 503
    asked = len(issuer.asked)
    assert call(system, issuer.sign())[0] == 503
    assert len(issuer.asked) == asked
    assert asked <= 2, "its description and its keys, once"


def test_a_discovery_document_with_another_issuer_is_rejected(issuer: Issuer, system: System) -> None:
    issuer.says_of_itself = "https://elsewhere.example"
    assert call(system, issuer.sign())[0] == 503


def test_without_a_provider_tokens_are_rejected(signing: Issuer, system: System) -> None:
    signing.asked.clear()
    assert call(system, signing.sign())[0] == 401
    assert signing.asked == []


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"STAGE": "prod", "LOOPBACK_TENANT": "", "OIDC_ISSUER": "http://x.example"}, "OIDC_ISSUER"),
        ({"OIDC_ISSUER": "https://x.example", "OIDC_AUDIENCE": ""}, "OIDC_ISSUER"),
        ({"STAGE": "prod"}, "LOOPBACK_TENANT"),
        ({"OIDC_GROUPS_CLAIM": "groups"}, "OIDC_GROUPS_CLAIM: .*both"),
        ({"OIDC_GROUP_SCOPES": "staff=reports:read"}, "OIDC_GROUPS_CLAIM: .*both"),
        (
            {
                "OIDC_GROUPS_CLAIM": "groups",
                "OIDC_GROUP_SCOPES": "=keys:manage;staff=reports:reed,x;a;b=reports:read;b=",
            },
            "'=keys:manage' must.*'staff' has unknown scopes: 'reports:reed', 'x'.*'a' must.*'b=' must.*The scopes are",
        ),
        ({"CONSOLE_OIDC_SCOPE": "profile api://reports/access"}, "CONSOLE_OIDC_SCOPE: .*`openid`"),
    ],
)
def test_insecure_settings_are_rejected(
    system: System, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], says: str
) -> None:
    monkeypatch.setenv("OIDC_AUDIENCE", AUDIENCE)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    clear_caches()
    with pytest.raises(SettingsInvalidError, match=says):
        api.context.settings()
