"""The rows of `resma.destinations`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from resma.database.locks import AdvisoryLock, acquire_lock
from resma.destinations.kinds import DestinationKind
from resma.request_errors import DestinationInUseError, DestinationNotFoundError, TooManyDestinationsError

MAX_DESTINATIONS = 50
"""Maximum number of destinations per tenant."""

_NOT_FOUND = "The destination does not exist. GET /api/v1/destinations lists your destinations."


@dataclass(frozen=True, kw_only=True)
class DestinationRow:
    """One row. `settings` are JSON of the model of the kind."""

    tenant_id: str
    destination_id: str
    name: str
    kind: DestinationKind
    settings: dict[str, Any]
    accepts_personal: bool
    """Whether files with personal data may go there."""
    encrypt_for: list[str] | None
    """Ids of the OpenPGP certificates that files for it are encrypted for."""
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    disabled_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class NewDestination:
    """Values of a new row."""

    name: str
    kind: DestinationKind
    settings: dict[str, Any]
    accepts_personal: bool
    encrypt_for: list[str] | None
    created_by: str


_COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in DestinationRow.__dataclass_fields__)


def insert_destination(connection: Connection[TupleRow], tenant_id: str, new: NewDestination) -> DestinationRow:
    """Inserts an enabled destination. Raises TooManyDestinationsError."""
    # Without the lock, concurrent requests could exceed the limit.
    acquire_lock(connection, AdvisoryLock.DESTINATIONS, tenant_id)
    counted = connection.execute(
        "SELECT count(*) FROM resma.destinations WHERE tenant_id = %s", (tenant_id,)
    ).fetchone()
    if counted is not None and counted[0] >= MAX_DESTINATIONS:
        raise TooManyDestinationsError(f"You have the maximum of {MAX_DESTINATIONS} destinations. Delete one first.")
    row = _fetch(
        connection,
        "INSERT INTO resma.destinations"
        " (tenant_id, destination_id, name, kind, settings, accepts_personal, encrypt_for, created_by, updated_by)"
        " VALUES (%(tenant_id)s, %(destination_id)s, %(name)s, %(kind)s, %(settings)s, %(accepts_personal)s,"
        " %(encrypt_for)s, %(created_by)s, %(created_by)s)",
        {
            **vars(new),
            "settings": Jsonb(new.settings),
            "tenant_id": tenant_id,
            "destination_id": f"dst_{uuid4().hex}",
        },
    )
    assert row is not None  # it was just inserted
    return row


def list_destinations(connection: Connection[TupleRow], tenant_id: str) -> list[DestinationRow]:
    """Returns the tenant's destinations, oldest first."""
    with connection.cursor(row_factory=class_row(DestinationRow)) as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT {} FROM resma.destinations WHERE tenant_id = %s ORDER BY created_at, destination_id"
            ).format(_COLUMNS),
            (tenant_id,),
        )
        return cursor.fetchall()


def find_destination(
    connection: Connection[TupleRow], tenant_id: str, destination_id: str, *, for_update: bool = False
) -> DestinationRow:
    """Returns one destination. Raises DestinationNotFoundError, also for another tenant's destination."""
    rows = find_destinations(connection, tenant_id, [destination_id], for_update=for_update)
    if not rows:
        raise DestinationNotFoundError(_NOT_FOUND)
    return rows[0]


def find_destinations(
    connection: Connection[TupleRow],
    tenant_id: str,
    destination_ids: Sequence[str],
    *,
    for_update: bool = False,
    for_share: bool = False,
) -> list[DestinationRow]:
    """Returns those of the tenant's destinations with these ids that exist.

    With `for_share`, none of them can be changed or deleted before the end of the transaction.
    """
    locking = "FOR UPDATE" if for_update else "FOR SHARE" if for_share else ""
    with connection.cursor(row_factory=class_row(DestinationRow)) as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT {} FROM resma.destinations WHERE tenant_id = %s AND destination_id = ANY (%s)"
                " ORDER BY destination_id {}"  # always the same order, so that no two transactions wait for each other
            ).format(_COLUMNS, sql.SQL(locking)),
            (tenant_id, list(destination_ids)),
        )
        return cursor.fetchall()


def update_destination(
    connection: Connection[TupleRow], tenant_id: str, destination_id: str, changes: Mapping[str, Any], updated_by: str
) -> DestinationRow:
    """Changes any of `name`, `settings`, `accepts_personal`, `encrypt_for` and `enabled`.

    Raises DestinationNotFoundError.
    """
    assignments: list[sql.Composable] = [
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name))
        for name in ("name", "settings", "accepts_personal", "encrypt_for")
        if name in changes
    ]
    assignments.append(sql.SQL("updated_at = clock_timestamp(), updated_by = %(updated_by)s"))
    if changes.get("enabled") is True:
        assignments.append(sql.SQL("disabled_at = NULL"))
    elif changes.get("enabled") is False:
        assignments.append(sql.SQL("disabled_at = coalesce(disabled_at, clock_timestamp())"))
    values = {name: Jsonb(value) if name == "settings" else value for name, value in changes.items()}
    row = _fetch(
        connection,
        sql.SQL(
            "UPDATE resma.destinations SET {} WHERE tenant_id = %(tenant_id)s AND destination_id = %(destination_id)s"
        ).format(sql.SQL(", ").join(assignments)),
        {**values, "tenant_id": tenant_id, "destination_id": destination_id, "updated_by": updated_by},
    )
    if row is None:
        raise DestinationNotFoundError(_NOT_FOUND)
    return row


def delete_destination(connection: Connection[TupleRow], tenant_id: str, destination_id: str) -> None:
    """Deletes a destination. Raises DestinationNotFoundError, and DestinationInUseError if schedules name it."""
    find_destination(connection, tenant_id, destination_id, for_update=True)
    schedules = connection.execute(
        "SELECT name, schedule_id FROM resma.schedules WHERE tenant_id = %s AND request -> 'deliverTo' ? %s"
        " ORDER BY created_at LIMIT 5",
        (tenant_id, destination_id),
    ).fetchall()
    if schedules:
        names = ", ".join(f"'{name}' ({schedule_id})" for name, schedule_id in schedules)
        raise DestinationInUseError(f"Schedules deliver to this destination: {names}. Remove it there first.")
    connection.execute(
        "DELETE FROM resma.destinations WHERE tenant_id = %s AND destination_id = %s", (tenant_id, destination_id)
    )


def _fetch(
    connection: Connection[TupleRow], statement: str | sql.Composed, values: Mapping[str, Any]
) -> DestinationRow | None:
    composed = sql.SQL(statement) if isinstance(statement, str) else statement
    with connection.cursor(row_factory=class_row(DestinationRow)) as cursor:
        cursor.execute(sql.SQL("{} RETURNING {}").format(composed, _COLUMNS), values)
        return cursor.fetchone()
