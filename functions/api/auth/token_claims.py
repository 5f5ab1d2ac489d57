"""Claims in tokens of different providers: the kind of token, the tenant, and the scopes."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from resma.request_errors import CredentialsInvalidError

_HEADER_TYPES = frozenset({"", "jwt", "at+jwt"})
"""Values of the header `typ` of access tokens, without the optional `application/` (RFC 9068, section 2.1; RFC 7515,
section 4.1.9)."""

_OTHER_TOKENS = frozenset({"id", "refresh", "offline", "logout", "dpop"})
"""Values of the claim `typ` in tokens of Keycloak that are not access tokens. Its access tokens have `Bearer`."""

_CLAIMS_OF_ID_TOKENS = frozenset({"at_hash", "c_hash"})
"""Claims that only ID tokens have (OpenID Connect Core 1.0, sections 3.1.3.6 and 3.3.2.11)."""


def require_access_token(header: Mapping[str, Any], claims: Mapping[str, Any]) -> None:
    """Raises CredentialsInvalidError for a token that is not a bearer access token.

    The issuer signs ID, refresh and logout tokens with the same keys, and they may have the same audience.
    """
    header_type = str(header.get("typ") or "").lower().removeprefix("application/")
    claimed_type = str(claims.get("typ") or "").lower()
    if (
        header_type not in _HEADER_TYPES
        or claimed_type in _OTHER_TOKENS
        or claims.get("token_use") not in {None, "access"}
        or not _CLAIMS_OF_ID_TOKENS.isdisjoint(claims)
    ):
        raise CredentialsInvalidError(
            "The token cannot be used because it is not an access token. Send the access token instead."
        )
    if "cnf" in claims:
        raise CredentialsInvalidError(
            "The token cannot be used because it is bound to a client key (`cnf`). Send a bearer token instead."
        )


def require_id_token(claims: Mapping[str, Any], client_id: str, nonce: str | None) -> None:
    """Raises CredentialsInvalidError unless an ID token is for this client and answers this sign-in request.

    OpenID Connect Core 1.0, section 3.1.3.7, numbers 3 to 5 and 11. Cognito says `token_use: id`.
    """
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if (
        client_id not in audiences
        or claims.get("azp", client_id if len(audiences) == 1 else None) != client_id
        or claims.get("token_use") not in {None, "id"}
    ):
        raise CredentialsInvalidError("The ID token cannot be used because it was issued to another client.")
    if nonce is not None and not hmac.compare_digest(str(claims.get("nonce")).encode(), nonce.encode()):
        raise CredentialsInvalidError("The ID token cannot be used because it answers another sign-in. Sign in again.")


def find_claim(claims: Mapping[str, Any], path: str) -> object:
    """Returns the claim with this name, or at this path, such as `realm_access.roles`. None if it does not exist.

    Long names are tried first, because names can contain dots: `https://reports.example/tenant`, and the client's id
    in `resource_access.com.example.bank.roles`.
    """
    if path in claims:
        return claims[path]
    for end in range(len(path) - 1, 0, -1):
        inner = claims.get(path[:end]) if path[end] == "." else None
        if isinstance(inner, Mapping) and (claim := find_claim(inner, path[end + 1 :])) is not None:
            return claim
    return None


def find_tenant(claims: Mapping[str, Any], path: str) -> str | None:
    """Returns the tenant in a claim: a string, or the only entry of a list or object. None if there is not exactly one.

    Keycloak sends organizations as a list, or as an object whose keys are their aliases.
    """
    value = find_claim(claims, path)
    if isinstance(value, list | Mapping) and len(value) == 1:
        value = next(iter(value))
    return value if isinstance(value, str) else None


@dataclass(frozen=True)
class ScopesClaim:
    """Claim that holds the scopes of a token, and the prefix of their names."""

    path: str | None = None
    """Names of claims, or paths with dots, separated by commas. The first that a token has is used. None: `scope`
    (RFC 8693, section 4.2) or `scp`."""
    prefix: str = ""
    """Prefix of scope names in the token, such as `https://reports.example/`. Scopes without it are ignored."""

    def read(self, claims: Mapping[str, Any]) -> list[str]:
        """Returns the scopes of a token without the prefix, from a string separated by spaces or from a list."""
        paths = [path.strip() for path in (self.path or "scope,scp").split(",")]
        value = next((claim for path in paths if (claim := find_claim(claims, path)) is not None), None)
        scopes = value.split() if isinstance(value, str) else value if isinstance(value, list) else []
        return [
            scope.removeprefix(self.prefix)
            for scope in scopes
            if isinstance(scope, str) and scope.startswith(self.prefix)
        ]


DEFAULT_SCOPES_CLAIM = ScopesClaim()
"""Default: scopes without a prefix in `scope` or `scp`."""
