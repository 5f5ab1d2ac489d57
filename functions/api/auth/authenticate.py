"""Authentication of requests by API key, by token, or by the loopback address on a developer's machine."""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.auth.roles import Roles, is_program
from api.auth.token_claims import DEFAULT_SCOPES_CLAIM, ScopesClaim, find_tenant
from api.auth.tokens import Provider
from resma.access.api_keys import look_up_key, parse_key
from resma.access.caller import SCOPES, Caller, Scope
from resma.access.quotas import consume_request
from resma.database.connection import Database
from resma.request_errors import CredentialsInvalidError, CredentialsMissingError, QuotaExceededError

_BEARER = re.compile(r"bearer +(\S+) *", re.IGNORECASE)
_OUR_HOST = re.compile(r"(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
_TENANT = re.compile(r"[a-z0-9-]{1,63}")
_MAX_SUBJECT = 255


@dataclass(frozen=True)
class Gate:
    """What callers are authenticated with."""

    database: Database
    provider: Provider | None = None
    """Identity provider whose tokens are accepted. None: tokens are not accepted."""
    tenant_claim: str = "tenant_id"
    scopes_claim: ScopesClaim = DEFAULT_SCOPES_CLAIM
    roles: Roles | None = None
    """Scopes of people by their groups. None: the scopes claim has the scopes of people too."""
    loopback_tenant: str | None = None
    """Tenant of requests from this machine without credentials. None: such requests are rejected."""


def authenticate(gate: Gate, event: Mapping[str, Any]) -> Caller:
    """Returns the caller of an API Gateway event, with one query to the database.

    Raises CredentialsMissingError, CredentialsInvalidError, RoleMissingError, QuotaExceededError if the tenant sends
    too many requests, IdentityProviderUnavailableError, DatabaseUnavailableError.
    """
    # The source address is taken from API Gateway, because a client can put anything into a header.
    address = ((event.get("requestContext") or {}).get("identity") or {}).get("sourceIp")
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    presented = [name for name in ("authorization", "x-api-key") if name in headers]
    if not presented:
        if gate.loopback_tenant and _is_loopback(address) and _is_meant_for_us(headers):
            return _admit(gate, gate.loopback_tenant, "loopback", SCOPES, address)
        raise CredentialsMissingError(
            "Credentials are required. Send `Authorization: Bearer` and an API key or a token of your identity "
            "provider, or an API key as `X-Api-Key`."
        )
    if len(presented) > 1 or _is_repeated(event, presented[0]):
        raise CredentialsInvalidError(
            "The request must have only one of `Authorization` and `X-Api-Key`, and only once."
        )
    secret = headers[presented[0]] or ""
    if presented == ["authorization"]:
        if (bearer := _BEARER.fullmatch(secret)) is None:
            raise CredentialsInvalidError("`Authorization` must be `Bearer`, a space, and an API key or token.")
        secret = bearer[1]
    if (key := parse_key(secret)) is not None:
        return _authenticate_key(gate, *key, address)
    if gate.provider is None or presented == ["x-api-key"]:
        raise CredentialsInvalidError("This is not an API key. A key has the form `rsm_…_…`.")
    return _authenticate_token(gate, gate.provider, secret, address)


def _authenticate_key(gate: Gate, key_id: str, secret_sha256: str, address: str | None) -> Caller:
    key = look_up_key(gate.database, key_id, secret_sha256)
    # The response is the same for a key that does not exist and a wrong secret, so that ids cannot be guessed.
    if key is None or not hmac.compare_digest(key.secret_sha256, secret_sha256):
        raise CredentialsInvalidError("This API key does not exist. Check that you sent all of it.")
    if key.is_revoked or key.is_expired or key.wait_seconds is None:
        reason = "was revoked" if key.is_revoked else "has expired"
        raise CredentialsInvalidError(f"The API key {reason}. Get a new one from the administrator of your keys.")
    _require_quota(key.wait_seconds)
    return Caller(key.tenant_id, f"key:{key_id}", _known(key.scopes), address)


def _authenticate_token(gate: Gate, provider: Provider, token: str, address: str | None) -> Caller:
    claims = provider.verify(token)
    tenant_id = find_tenant(claims, gate.tenant_claim)
    if tenant_id is None or not _TENANT.fullmatch(tenant_id):
        raise CredentialsInvalidError(f"The claim `{gate.tenant_claim}` of the token is not the id of a tenant.")
    if not claims["sub"].isprintable():
        raise CredentialsInvalidError("The claim `sub` of the token has characters that cannot be recorded.")
    if gate.roles is None or is_program(claims):
        scopes = _known(gate.scopes_claim.read(claims))
    else:
        scopes = gate.roles.scopes_of(claims)
    return _admit(gate, tenant_id, f"token:{claims['sub'][:_MAX_SUBJECT]}", scopes, address)


def _admit(gate: Gate, tenant_id: str, subject: str, scopes: frozenset[Scope], address: str | None) -> Caller:
    wait_seconds = consume_request(gate.database, tenant_id)
    if wait_seconds is None:
        raise CredentialsInvalidError(
            "The tenant of the token does not exist in this deployment. Ask the operator to create it."
        )
    _require_quota(wait_seconds)
    return Caller(tenant_id, subject, scopes, address)


def _require_quota(wait_seconds: float) -> None:
    if wait_seconds > 0:
        detail = "Your tenant sends too many requests. Wait as long as `Retry-After` says."
        raise QuotaExceededError("requests-quota-exceeded", detail, wait_seconds)


def _known(scopes: list[Any]) -> frozenset[Scope]:
    return frozenset(scope for scope in SCOPES if scope in scopes)


def _is_repeated(event: Mapping[str, Any], header: str) -> bool:
    """Whether a header was sent more than once. Proxies disagree about which value is used."""
    values = [values for name, values in (event.get("multiValueHeaders") or {}).items() if name.lower() == header]
    return sum(map(len, values)) > 1


def _is_meant_for_us(headers: Mapping[str, str]) -> bool:
    """Whether a request from this machine was sent by its user and not by a web page in the user's browser.

    A foreign page has another `Origin`, and one that reaches this machine by DNS rebinding has another `Host`.
    """
    host, origin = headers.get("host", "localhost"), headers.get("origin")
    return bool(_OUR_HOST.fullmatch(host)) and origin in {None, f"http://{host}"}


def _is_loopback(address: object) -> bool:
    try:
        return ipaddress.ip_address(str(address)).is_loopback
    except ValueError:
        return False
