"""Who makes a request, and what this one may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from resma.errors import FieldError, ScopeMissingError

Scope = Literal[
    "reports:read",
    "reports:write",
    "reports:delete",
    "personal:read",
    "webhooks:manage",
    "keys:manage",
    "dead-letters:manage",
    "schedules:manage",
]
"""What a caller may be allowed: `personal:read` is to see the columns that the catalog marks as personal."""

SCOPES: frozenset[Scope] = frozenset(get_args(Scope))


@dataclass(frozen=True)
class Caller:
    """An authenticated caller. Everything it asks for is its tenant's."""

    tenant_id: str
    subject: str
    """Who it is, for the record: `key:` and a key's id, `token:` and its `sub`, or `loopback`; what asks by itself is
    `event:` or `schedule:` and an id."""
    scopes: frozenset[Scope]
    address: str | None = None
    """Where the request came from, for the record."""


def require_scope(caller: Caller | None, scope: str, field_errors: tuple[FieldError, ...] = ()) -> None:
    """Raises ScopeMissingError where the caller has not this scope."""
    if caller is None or scope not in caller.scopes:
        detail = f"this needs the scope {scope}, which your key or token lacks: use one that has it"
        raise ScopeMissingError(detail, scope, field_errors)
