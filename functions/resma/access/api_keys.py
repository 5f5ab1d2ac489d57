"""API keys, of the form `rsm_<key id>_<secret>`. The table stores a hash of the secret; the key is shown only once.

Every key expires. Rotation leaves no gap: the old key remains valid for a grace period after the new one is created.
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
from resma.request_errors import ApiKeyInactiveError, ApiKeyNotFoundError

PREFIX = "rsm_"
"""Prefix that distinguishes a key from a token, for Resma and for scanners of leaked secrets."""

KeyStatus = Literal["ACTIVE", "REVOKED", "EXPIRED"]

DEFAULT_LIFETIME_DAYS, MAX_DAYS = 90, 366
DEFAULT_GRACE_SECONDS, MAX_GRACE_SECONDS = 86_400, 30 * 86_400

_KEY = re.compile(r"rsm_(?P<key_id>[a-z0-9]{16})_(?P<secret>[A-Za-z0-9_-]{43})")
KEY_ID_PATTERN = "^[a-z0-9]{16}$"
_ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True)
class ApiKey:
    """One row of `resma.api_keys`, without the hash. Times are in UTC."""

    tenant_id: str
    key_id: str
    name: str
    scopes: list[str]
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None
    """Timestamp of the last use, with a resolution of one minute."""
    replaced_by: str | None

    @property
    def status(self) -> KeyStatus:
        """Returns whether the key is accepted now, or why it is not."""
        if self.revoked_at is not None:
            return "REVOKED"
        return "ACTIVE" if self.expires_at > datetime.now(UTC) else "EXPIRED"


@dataclass(frozen=True)
class NewKey:
    """Properties of a key to create."""

    tenant_id: str
    name: str
    scopes: Collection[str]
    lifetime: timedelta
    created_by: str


@dataclass(frozen=True)
class KeyLookup:
    """State of a key in the database. `wait_seconds` is 0 if the tenant's quota admits the request."""

    tenant_id: str
    secret_sha256: str
    scopes: list[str]
    is_revoked: bool
    is_expired: bool
    wait_seconds: float | None


_NOT_FOUND = "The API key does not exist. GET /api/v1/api-keys lists your keys."

_COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in ApiKey.__dataclass_fields__)


def parse_key(text: str) -> tuple[str, str] | None:
    """Returns a key's id and the hash of its secret; None if the string does not have the form of a key."""
    match = _KEY.fullmatch(text)
    return (match["key_id"], _hash(match["secret"])) if match else None


def look_up_key(database: Database, key_id: str, secret_sha256: str) -> KeyLookup | None:
    """Finds a key whose tenant is not known yet; if the hash matches, counts a request against the tenant's quota.

    Needs one round trip.
    """
    row = database.fetch_one(
        "SELECT tenant_id, secret_sha256, scopes, is_revoked, is_expired, wait_seconds"
        " FROM resma.authenticate_key(%s, %s)",
        (key_id, secret_sha256),
    )
    return KeyLookup(*row) if row else None


def insert_key(connection: Connection[TupleRow], new: NewKey) -> tuple[ApiKey, str]:
    """Creates a key. Returns its row and the key itself, which cannot be retrieved later."""
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
    """Returns the tenant's keys, newest first, including revoked and expired ones."""
    with connection.cursor(row_factory=class_row(ApiKey)) as cursor:
        cursor.execute(
            sql.SQL("SELECT {} FROM resma.api_keys WHERE tenant_id = %s ORDER BY created_at DESC, key_id").format(
                _COLUMNS
            ),
            (tenant_id,),
        )
        return cursor.fetchall()


def find_key(connection: Connection[TupleRow], tenant_id: str, key_id: str) -> ApiKey:
    """Returns the tenant's key. Raises ApiKeyNotFoundError if the id is malformed, unknown or another tenant's."""
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
    """Creates a key with the same name, scopes and lifetime. The old key remains valid until `grace` is over.

    Returns the new row, the new key itself and the old row. Raises ApiKeyInactiveError if the key is revoked, expired
    or already rotated, also by a concurrent call.
    """
    lifetime = key.expires_at - key.created_at
    new, text = insert_key(connection, NewKey(key.tenant_id, key.name, key.scopes, lifetime, rotated_by))
    with connection.cursor(row_factory=class_row(ApiKey)) as cursor:
        cursor.execute(
            sql.SQL(
                "UPDATE resma.api_keys SET replaced_by = %s, expires_at = least(expires_at, clock_timestamp() + %s)"
                " WHERE tenant_id = %s AND key_id = %s AND replaced_by IS NULL AND revoked_at IS NULL"
                " AND expires_at > clock_timestamp() RETURNING {}"
            ).format(_COLUMNS),
            (new.key_id, grace, key.tenant_id, key.key_id),
        )
        if (old := cursor.fetchone()) is None:
            raise ApiKeyInactiveError(
                "The API key is revoked, has expired or was already rotated. Rotate its replacement, or create a key."
            )
    return new, text, old


def revoke_key(connection: Connection[TupleRow], tenant_id: str, key_id: str) -> None:
    """Revokes a key with immediate effect. Safe to call twice. Raises ApiKeyNotFoundError."""
    find_key(connection, tenant_id, key_id)
    connection.execute(
        "UPDATE resma.api_keys SET revoked_at = coalesce(revoked_at, clock_timestamp())"
        " WHERE tenant_id = %s AND key_id = %s",
        (tenant_id, key_id),
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
