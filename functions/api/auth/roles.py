"""Roles of people: the groups in their tokens, and the scopes that each group has in this deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.auth.token_claims import find_claim
from resma.access.caller import Scope
from resma.request_errors import RoleMissingError
from resma.short_text import counted

_CLIENT_CLAIMS = ("client_id", "azp", "appid", "cid")
"""Claims with the id of the client that a token was issued to: RFC 9068 and Cognito, OpenID Connect, Entra ID version
1, and Okta."""


@dataclass(frozen=True)
class Roles:
    """Scopes of people by their groups."""

    claim: str
    """Claim with the groups of a person, or the path to it with dots: a list of strings, or one string."""
    scopes_by_group: Mapping[str, frozenset[Scope]]

    def scopes_of(self, claims: Mapping[str, Any]) -> frozenset[Scope]:
        """Returns the scopes of all groups of a person. Groups that are not configured are ignored.

        Raises RoleMissingError if no group of the person is configured.
        """
        value = find_claim(claims, self.claim)
        groups = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        names = {group for group in groups if isinstance(group, str)}
        if known := [scopes for group, scopes in self.scopes_by_group.items() if group in names]:
            return frozenset(scope for scopes in known for scope in scopes)
        if _are_too_many(claims, self.claim):
            raise RoleMissingError(
                f"The identity provider left the claim `{self.claim}` out of your token, because you belong to "
                "too many groups. Ask its administrator to issue only the groups that are assigned to the application."
            )
        reason = (
            f"Of {counted(len(groups), 'group')} in the claim `{self.claim}` of your token, none has permissions here."
            if groups
            else f"Your token has no groups: its claim `{self.claim}` is missing or empty."
        )
        raise RoleMissingError(
            f"{reason} Ask your administrator to add you to a group that has permissions, and sign in again."
        )


def is_program(claims: Mapping[str, Any]) -> bool:
    """Whether a token was issued to a program for itself (client credentials), so that it has no person with groups.

    Its subject is then the client: RFC 9068, section 2.2 (`sub` equals the client id, to which Auth0 appends
    `@clients`). Entra ID says so in the optional claim `idtyp`, and its tokens of programs have `sub` equal to `oid`.
    """
    if "idtyp" in claims:
        return bool(claims["idtyp"] == "app")
    subject = claims.get("sub")
    clients = [claims[name] for name in _CLIENT_CLAIMS if isinstance(claims.get(name), str)]
    return subject in {*clients, *(f"{client}@clients" for client in clients)} or (
        "tid" in claims and "scp" not in claims and subject == claims.get("oid")
    )


def _are_too_many(claims: Mapping[str, Any], claim: str) -> bool:
    """Whether Entra ID replaced more than 200 groups by a reference to a list (the groups overage claim)."""
    names = claims.get("_claim_names")
    return (isinstance(names, Mapping) and claim in names) or claims.get("hasgroups") is True
