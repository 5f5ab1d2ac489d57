"""Keys of the API: `rsm_<key id>_<secret>`. The table has the secret's hash; the key itself is seen once.

Every key expires. It is rotated without a gap: a new one is made, and the old one goes on for a while.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row

from resma.database.connection import Database
from resma.errors import ApiKeyInactiveError, ApiKeyNotFoundError

PREFIX = "rsm_"
"""By which a key is known from a token, by us and by scanners of leaked secrets."""

KeyStatus = Literal["ACTIVE", "REVOKED", "EXPIRED"]

DAYS_DEFAULT, MAX_DAYS = 90, 366
GRACE_SECONDS_DEFAULT, MAX_GRACE_SECONDS = 86_400, 30 * 86_400

_KEY = re.compile(r"rsm_(?P<key_id>[a-z0-9]{16})_(?P<secret>[A-Za-z0-9_-]{43})")
KEY_ID_PATTERN = "^[a-z0-9]{16}$"
_ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True)
class ApiKey:
    """A row, without the hash. Times are in UTC."""

    tenant_id: str
    key_id: str
    name: str
    scopes: list[str]
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None
    """To the minute."""
    replaced_by: str | None

    @property
    def status(self) -> KeyStatus:
        """Whether the key is accepted at this moment."""
        if self.revoked_at is not None:
            return "REVOKED"
        return "ACTIVE" if self.expires_at > datetime.now(UTC) else "EXPIRED"


@dataclass(frozen=True)
class NewKey:
    """What a key shall be."""

    tenant_id: str
    name: str
    scopes: Collection[str]
    lifetime: timedelta
    created_by: str


@dataclass(frozen=True)
class FoundKey:
    """What the database says of a presented key. `wait_seconds` is 0 where the tenant's quota let the request in."""

    tenant_id: str
    secret_sha256: str
    scopes: list[str]
    is_revoked: bool
    is_expired: bool
    wait_seconds: float | None


_NOT_FOUND = "there is no such key: GET /api/v1/api-keys lists yours"

_COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in ApiKey.__dataclass_fields__)


def parse_key(text: str) -> tuple[str, str] | None:
    """A key's id and the hash of its secret; None where the text is no key."""
    match = _KEY.fullmatch(text)
    return (match["key_id"], _hash(match["secret"])) if match else None


def look_up_key(database: Database, key_id: str, secret_sha256: str) -> FoundKey | None:
    """Finds a key whose tenant is not known yet, and takes a request out of its tenant's quota if the hash is its own.

    One round trip.
    """
    row = database.fetch_one(
        "SELECT tenant_id, secret_sha256, scopes, is_revoked, is_expired, wait_seconds"
        " FROM resma.authenticate_key(%s, %s)",
        (key_id, secret_sha256),
    )
    return FoundKey(*row) if row else None


def insert_key(connection: Connection[TupleRow], new: NewKey) -> tuple[ApiKey, str]:
    """Makes a key; returns its row, and the key itself, which nobody can see again."""
    key_id = "".join(secrets.choice(_ID_ALPHABET) for _ in range(16))
    secret = secrets.token_urlsafe(32)
    with connection.cursor(row_factory=class_row(ApiKey)) as cursor:
        cursor.execute(
            sql.SQL(
                "INSERT INTO resma.api_keys (tenant_id, key_id, name, secret_sha256, scopes, created_by, expires_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, clock_timestamp() + %s) RETURNING {}"
            ).format(_COLUMNS),
            (new.tenant_id, key_id, new.name, _hash(secret), sorted(new.scopes), new.created_by, new.lifetime),
        )
        row = cursor.fetchone()
    assert row is not None
    return row, f"{PREFIX}{key_id}_{secret}"


def list_keys(connection: Connection[TupleRow], tenant_id: str) -> list[ApiKey]:
    """The tenant's keys, newest first, ended ones too."""
    with connection.cursor(row_factory=class_row(ApiKey)) as cursor:
        cursor.execute(
            sql.SQL("SELECT {} FROM resma.api_keys WHERE tenant_id = %s ORDER BY created_at DESC, key_id").format(
                _COLUMNS
            ),
            (tenant_id,),
        )
        return cursor.fetchall()


def find_key(connection: Connection[TupleRow], tenant_id: str, key_id: str) -> ApiKey:
    """Raises ApiKeyNotFoundError, also for another tenant's, and for what can be no key's id."""
    if re.fullmatch(KEY_ID_PATTERN, key_id) is None:
        raise ApiKeyNotFoundError(_NOT_FOUND)
    with connection.cursor(row_factory=class_row(ApiKey)) as cursor:
        cursor.execute(
            sql.SQL("SELECT {} FROM resma.api_keys WHERE tenant_id = %s AND key_id = %s").format(_COLUMNS),
            (tenant_id, key_id),
        )
        if (row := cursor.fetchone()) is None:
            raise ApiKeyNotFoundError(_NOT_FOUND)
        return row


def rotate_key(
    connection: Connection[TupleRow], key: ApiKey, grace: timedelta, rotated_by: str
) -> tuple[ApiKey, str, ApiKey]:
    """Makes a key of the same name, scopes and lifetime; the old one goes on until `grace` is over.

    Returns the new row, the new key itself, and the old row. Raises ApiKeyInactiveError where the key is no longer good
    or was rotated before, also by somebody else at this moment.
    """
    lifetime = key.expires_at - key.created_at
    made, text = insert_key(connection, NewKey(key.tenant_id, key.name, key.scopes, lifetime, rotated_by))
    with connection.cursor(row_factory=class_row(ApiKey)) as cursor:
        cursor.execute(
            sql.SQL(
                "UPDATE resma.api_keys SET replaced_by = %s, expires_at = least(expires_at, clock_timestamp() + %s)"
                " WHERE tenant_id = %s AND key_id = %s AND replaced_by IS NULL AND revoked_at IS NULL"
                " AND expires_at > clock_timestamp() RETURNING {}"
            ).format(_COLUMNS),
            (made.key_id, grace, key.tenant_id, key.key_id),
        )
        if (old := cursor.fetchone()) is None:
            raise ApiKeyInactiveError(
                "this key is revoked, has expired or was rotated before: rotate the one that came after it, or make one"
            )
    return made, text, old


def revoke_key(connection: Connection[TupleRow], tenant_id: str, key_id: str) -> None:
    """Ends a key at once. Safe to call twice. Raises ApiKeyNotFoundError."""
    find_key(connection, tenant_id, key_id)
    connection.execute(
        "UPDATE resma.api_keys SET revoked_at = coalesce(revoked_at, clock_timestamp())"
        " WHERE tenant_id = %s AND key_id = %s",
        (tenant_id, key_id),
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
