"""Who makes a request: known by an API key, by a token, or, on one's own machine, by coming from it."""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.auth.token_claims import DEFAULT_SCOPES_CLAIM, ScopesClaim, find_tenant
from api.auth.tokens import Provider
from resma.access.api_keys import look_up_key, parse_key
from resma.access.caller import SCOPES, Caller, Scope
from resma.access.quotas import consume_request
from resma.database.connection import Database
from resma.errors import CredentialsInvalidError, CredentialsMissingError, QuotaExceededError

_BEARER = re.compile(r"bearer +(\S+) *", re.IGNORECASE)
_OUR_HOST = re.compile(r"(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
_TENANT = re.compile(r"[a-z0-9-]{1,63}")
_MAX_SUBJECT = 255


@dataclass(frozen=True)
class Gate:
    """What callers are known by."""

    database: Database
    provider: Provider | None = None
    """Whose tokens are taken."""
    tenant_claim: str = "tenant_id"
    scopes_claim: ScopesClaim = DEFAULT_SCOPES_CLAIM
    loopback_tenant: str | None = None
    """Whose a request is that comes from this machine and brings nothing."""


def authenticate(gate: Gate, event: Mapping[str, Any]) -> Caller:
    """Returns who makes the request of an API Gateway event, with one question to the database.

    Raises CredentialsMissingError, CredentialsInvalidError, QuotaExceededError where the tenant asks too often,
    IdentityProviderUnavailableError, DatabaseUnavailableError.
    """
    # Where the request came from is what the gateway says; a header may say anything.
    address = ((event.get("requestContext") or {}).get("identity") or {}).get("sourceIp")
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    presented = [name for name in ("authorization", "x-api-key") if name in headers]
    if not presented:
        if gate.loopback_tenant and _is_loopback(address) and _is_meant_for_us(headers):
            return _admit(gate, gate.loopback_tenant, "loopback", SCOPES, address)
        raise CredentialsMissingError(
            "this needs a key: send `Authorization: Bearer rsm_…`, or `X-Api-Key`, or a token of your identity provider"
        )
    if len(presented) > 1 or _is_repeated(event, presented[0]):
        raise CredentialsInvalidError("send Authorization or X-Api-Key, one of them and once")
    secret = headers[presented[0]] or ""
    if presented == ["authorization"]:
        if (bearer := _BEARER.fullmatch(secret)) is None:
            raise CredentialsInvalidError("Authorization must be `Bearer`, a space, and a key or token")
        secret = bearer[1]
    if (key := parse_key(secret)) is not None:
        return _authenticate_key(gate, *key, address)
    if gate.provider is None or presented == ["x-api-key"]:
        raise CredentialsInvalidError("this is no key: one looks like rsm_…_…")
    return _authenticate_token(gate, gate.provider, secret, address)


def _authenticate_key(gate: Gate, key_id: str, secret_sha256: str, address: str | None) -> Caller:
    found = look_up_key(gate.database, key_id, secret_sha256)
    # One answer for a key that is not there and one whose secret is wrong.
    if found is None or not hmac.compare_digest(found.secret_sha256, secret_sha256):
        raise CredentialsInvalidError("there is no such key: check that all of it was sent")
    if found.is_revoked or found.is_expired or found.wait_seconds is None:
        word = "was revoked" if found.is_revoked else "has expired"
        raise CredentialsInvalidError(f"the key {word}: ask whoever manages your keys for another")
    _require_quota(found.wait_seconds)
    return Caller(found.tenant_id, f"key:{key_id}", _known(found.scopes), address)


def _authenticate_token(gate: Gate, provider: Provider, token: str, address: str | None) -> Caller:
    claims = provider.verify(token)
    tenant_id = find_tenant(claims, gate.tenant_claim)
    if tenant_id is None or not _TENANT.fullmatch(tenant_id):
        raise CredentialsInvalidError(f"the token's claim {gate.tenant_claim} names no tenant")
    if not claims["sub"].isprintable():
        raise CredentialsInvalidError("the token's sub has characters that can't be put on record")
    scopes = _known(gate.scopes_claim.read(claims))
    return _admit(gate, tenant_id, f"token:{claims['sub'][:_MAX_SUBJECT]}", scopes, address)


def _admit(gate: Gate, tenant_id: str, subject: str, scopes: frozenset[Scope], address: str | None) -> Caller:
    wait_seconds = consume_request(gate.database, tenant_id)
    if wait_seconds is None:
        raise CredentialsInvalidError("there is no such tenant here: ask the operator to make it")
    _require_quota(wait_seconds)
    return Caller(tenant_id, subject, scopes, address)


def _require_quota(wait_seconds: float) -> None:
    if wait_seconds > 0:
        detail = "your tenant asks too often: wait as long as Retry-After says"
        raise QuotaExceededError("requests-quota-exceeded", detail, wait_seconds)


def _known(scopes: list[Any]) -> frozenset[Scope]:
    return frozenset(scope for scope in SCOPES if scope in scopes)


def _is_repeated(event: Mapping[str, Any], header: str) -> bool:
    """Whether a header came twice: which one counts is not for gateways to say, and they say different things."""
    values = [values for name, values in (event.get("multiValueHeaders") or {}).items() if name.lower() == header]
    return sum(map(len, values)) > 1


def _is_meant_for_us(headers: Mapping[str, str]) -> bool:
    """Whether a request from this machine is its user's, and not one that a web page in the browser makes.

    A page elsewhere has its own Origin, and one whose name was made to lead here (DNS rebinding) its own Host.
    """
    host, origin = headers.get("host", "localhost"), headers.get("origin")
    return bool(_OUR_HOST.fullmatch(host)) and origin in {None, f"http://{host}"}


def _is_loopback(address: object) -> bool:
    try:
        return ipaddress.ip_address(str(address)).is_loopback
    except ValueError:
        return False
