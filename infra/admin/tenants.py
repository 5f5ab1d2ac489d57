"""Tenants and their first keys, made in the database by whoever owns it: without a key the API lets nobody in."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import timedelta

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from infra.errors import StackError
from resma.access.api_keys import MAX_DAYS, ApiKey, NewKey, insert_key
from resma.access.caller import SCOPES

QUOTAS = ("requests_per_second", "requests_burst", "live_reports", "rows_per_day")
"""Columns of `resma.tenants`; what is not said keeps the migration's default."""

MAX_QUOTA = 2**31 - 1

MAX_NAME = 100

OPERATOR = "operator"
"""Who a key is made by that was made here."""


def create_tenant(connection: Connection[TupleRow], tenant_id: str, name: str, quotas: Mapping[str, int]) -> None:
    """Makes a tenant. Raises StackError where there is one of that id, or it can't be one."""
    if re.fullmatch(r"[a-z0-9-]{1,63}", tenant_id) is None:
        raise StackError(f"{tenant_id}: a tenant's id has small letters, digits and hyphens, at most 63")
    _require_name(name)
    row = connection.execute(
        "INSERT INTO resma.tenants (tenant_id, name) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING tenant_id",
        (tenant_id, name),
    ).fetchone()
    if row is None:
        raise StackError(f"there is a tenant {tenant_id} already; set-quotas changes its limits")
    set_quotas(connection, tenant_id, quotas)


def set_quotas(connection: Connection[TupleRow], tenant_id: str, quotas: Mapping[str, int]) -> None:
    """Changes those of a tenant's limits that are named. Raises StackError where there is no such tenant."""
    require_tenant(connection, tenant_id)
    for name, value in quotas.items():
        if name not in QUOTAS or not 1 <= value <= MAX_QUOTA:
            raise StackError(f"{name}={value}: give 1 to {MAX_QUOTA}, for one of {', '.join(QUOTAS)}")
        connection.execute(
            sql.SQL("UPDATE resma.tenants SET {} = %s WHERE tenant_id = %s").format(sql.Identifier(name)),
            (value, tenant_id),
        )


def create_key(
    connection: Connection[TupleRow], tenant_id: str, name: str, scopes: Collection[str], lifetime: timedelta
) -> tuple[ApiKey, str]:
    """Makes a key of a tenant; returns its row and the key itself. Raises StackError."""
    require_tenant(connection, tenant_id)
    _require_name(name)
    if not scopes or not SCOPES.issuperset(scopes):
        raise StackError(f"give a key at least one scope, of {', '.join(sorted(SCOPES))}")
    if not timedelta(0) < lifetime <= timedelta(days=MAX_DAYS):
        raise StackError(f"every key expires: after at most {MAX_DAYS} days")
    return insert_key(connection, NewKey(tenant_id, name, scopes, lifetime, OPERATOR))


def _require_name(name: str) -> None:
    """As the API has it of keys; a tenant's name stands on its reports."""
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise StackError(f"{name[:MAX_NAME]!r}: a name has 1 to {MAX_NAME} characters, and no control characters")


def require_tenant(connection: Connection[TupleRow], tenant_id: str) -> None:
    """Raises StackError where there is no such tenant."""
    if connection.execute("SELECT FROM resma.tenants WHERE tenant_id = %s", (tenant_id,)).fetchone() is None:
        raise StackError(f"there is no tenant {tenant_id}: make it with create-tenant")


def make_key(database_url: str, tenant_id: str, name: str, scopes: Collection[str], lifetime: timedelta) -> str:
    """Makes a key by a database's address, for whoever needs just that; returns the key itself."""
    with psycopg.connect(database_url) as connection:
        return create_key(connection, tenant_id, name, scopes, lifetime)[1]
