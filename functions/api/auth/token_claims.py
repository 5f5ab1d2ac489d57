"""What tokens of different providers say: whether it is an access token, whose it is, and what its bearer may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from resma.errors import CredentialsInvalidError

_HEADER_TYPES = frozenset({"", "jwt", "at+jwt"})
"""Of access tokens; without `application/`, which may be left out (RFC 9068, section 2.1; RFC 7515, section 4.1.9)."""

_OTHER_TOKENS = frozenset({"id", "refresh", "offline", "logout", "dpop"})
"""What Keycloak calls its other tokens in the claim `typ`; its access tokens are `Bearer`."""

_CLAIMS_OF_ID_TOKENS = frozenset({"at_hash", "c_hash"})
"""OpenID Connect Core 1.0, sections 3.1.3.6 and 3.3.2.11."""


def require_access_token(header: Mapping[str, Any], claims: Mapping[str, Any]) -> None:
    """Raises CredentialsInvalidError for a token that was not issued to call an API with as its bearer.

    The issuer signs identity, refresh and logout tokens with the same keys, and their audience may be ours too.
    """
    header_type = str(header.get("typ") or "").lower().removeprefix("application/")
    said_type = str(claims.get("typ") or "").lower()
    if (
        header_type not in _HEADER_TYPES
        or said_type in _OTHER_TOKENS
        or claims.get("token_use") not in {None, "access"}
        or not _CLAIMS_OF_ID_TOKENS.isdisjoint(claims)
    ):
        raise CredentialsInvalidError(
            "The token can't be used: it is not an access token. Send the access token instead."
        )
    if "cnf" in claims:
        raise CredentialsInvalidError(
            "The token can't be used: it is bound to a client's key (`cnf`), which is not checked here. Send another."
        )


def find_claim(claims: Mapping[str, Any], path: str) -> object:
    """Returns the claim of that name; otherwise the one at that path, such as `realm_access.roles`; None without one.

    The whole name comes first, because names may have dots: `https://reports.example/tenant`.
    """
    if path in claims:
        return claims[path]
    found: object = claims
    for part in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(part)
    return found


def find_tenant(claims: Mapping[str, Any], path: str) -> str | None:
    """Returns the tenant that a claim names: a string, or the only entry of a list or object; None without exactly one.

    Keycloak names organizations by a list, or by an object whose keys are their aliases.
    """
    found = find_claim(claims, path)
    if isinstance(found, list | Mapping) and len(found) == 1:
        found = next(iter(found))
    return found if isinstance(found, str) else None


@dataclass(frozen=True)
class ScopesClaim:
    """Where scopes are in a token, and what comes before their names there."""

    path: str | None = None
    """Names of claims, or paths with dots, separated by commas; the first that a token has counts. None is `scope`
    (RFC 8693, section 4.2) or `scp`."""
    prefix: str = ""
    """What each scope's name begins with in the token, such as `https://reports.example/`; others are passed over."""

    def read(self, claims: Mapping[str, Any]) -> list[str]:
        """Returns the scopes of a token, without the prefix: of a string with spaces between, or of a list."""
        paths = [path.strip() for path in (self.path or "scope,scp").split(",")]
        said = next((found for path in paths if (found := find_claim(claims, path)) is not None), None)
        scopes = said.split() if isinstance(said, str) else said if isinstance(said, list) else []
        return [
            scope.removeprefix(self.prefix)
            for scope in scopes
            if isinstance(scope, str) and scope.startswith(self.prefix)
        ]


DEFAULT_SCOPES_CLAIM = ScopesClaim()
"""`scope` or `scp`, with scopes by the names that they have here."""
