"""The caller of a request, and its scopes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from resma.report.content import MASK
from resma.request_errors import FieldError, ScopeMissingError

Scope = Literal[
    "reports:read",
    "reports:write",
    "reports:delete",
    "holds:manage",
    "personal:read",
    "webhooks:manage",
    "destinations:manage",
    "keys:manage",
    "dead-letters:manage",
    "schedules:manage",
]
"""Permissions of a caller. `personal:read` shows the columns that the catalog marks as personal, and who other callers
are."""

SCOPES: frozenset[Scope] = frozenset(get_args(Scope))


@dataclass(frozen=True)
class Caller:
    """An authenticated caller. It has access to data of its own tenant only."""

    tenant_id: str
    subject: str
    """Identity for audit records: `key:` with a key's id, `token:` with its `sub`, or `loopback`. Requests without a
    person have `event:` or `schedule:` with an id."""
    scopes: frozenset[Scope]
    address: str | None = None
    """IP address of the client, for audit records."""


def require_scope(caller: Caller | None, scope: str, field_errors: tuple[FieldError, ...] = ()) -> None:
    """Raises ScopeMissingError if the caller does not have the scope."""
    if caller is None or scope not in caller.scopes:
        detail = f"Your key or token lacks the scope {scope}. Use one that has it."
        raise ScopeMissingError(detail, scope, field_errors)


_PERSON = "token:"
"""Start of the subject of a token, which identifies a person."""


def is_personal_subject(caller: Caller, subject: str) -> bool:
    """Returns whether a subject identifies a person whom the caller may not see: that of another caller's token."""
    return subject.startswith(_PERSON) and subject != caller.subject and "personal:read" not in caller.scopes


def subject_for(caller: Caller, subject: str) -> str:
    """Returns a subject as the caller may see it: without `personal:read`, the `sub` of another token is masked."""
    return f"{_PERSON}{MASK}" if is_personal_subject(caller, subject) else subject


def address_for(caller: Caller, address: str | None) -> str | None:
    """Returns an IP address as the caller may see it: it is masked without `personal:read`. None stays None."""
    return MASK if address is not None and "personal:read" not in caller.scopes else address


_BEFORE_AT = re.compile(r"[^\s<>()\[\],:;\"'@][^\s<>()\[\],:;\"@]*@")
"""Part of an e-mail address that identifies a person, in a sentence."""


def hide_emails(caller: Caller, text: str | None) -> str | None:
    """Returns a message with e-mail addresses as the caller may see them: only the domain without `personal:read`.

    None stays None.
    """
    if text is None or "personal:read" in caller.scopes:
        return text
    return _BEFORE_AT.sub(f"{MASK}@", text)
