"""Settings of the transaction of a report, and the snapshots that transactions share."""

from __future__ import annotations

import psycopg
from psycopg import Connection, IsolationLevel, sql
from psycopg.rows import TupleRow

from resma.errors import SnapshotGoneError, UnknownTimeZoneError
from resma.i18n.time_zones import time_zone_unknown_to_source

_GONE = {"22023", "42704", "55000"}
"""SQLSTATEs of an import: the snapshot does not exist (22023 up to Postgres 16), or the transaction that exported it
has just ended (55000)."""


def begin(connection: Connection[TupleRow], snapshot_id: str | None) -> None:
    """Begins a READ ONLY, REPEATABLE READ transaction, with an exported snapshot if one is given.

    Raises SnapshotGoneError.
    """
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    if snapshot_id is not None:
        _import_snapshot(connection, snapshot_id)
    connection.execute(_SESSION)


def export_snapshot(connection: Connection[TupleRow]) -> str:
    """Returns the name by which other transactions can import the snapshot of the open one, while it is open."""
    ((name,),) = connection.execute("SELECT pg_export_snapshot()").fetchall()
    return str(name)


def _import_snapshot(connection: Connection[TupleRow], snapshot_id: str) -> None:
    """Imports a snapshot, which must be done before the first query of the transaction."""
    try:
        connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snapshot_id)))
    except psycopg.Error as error:
        if error.sqlstate not in _GONE:
            raise
        raise SnapshotGoneError(
            "The exported snapshot no longer exists: the transaction that exported it has ended, or is on another "
            "server. The report continues in a new snapshot."
        ) from error


def set_time_zone(connection: Connection[TupleRow], name: str) -> None:
    """Sets the time zone of the transaction. Raises UnknownTimeZoneError.

    Postgres accepts an unknown name as a POSIX rule, and then shows the setting differently.
    """
    try:
        row = connection.execute("SELECT set_config('timezone', %s, true)", (name,)).fetchone()
    except psycopg.errors.InvalidParameterValue as error:
        raise UnknownTimeZoneError(time_zone_unknown_to_source(name)) from error
    if row != (name,):
        raise UnknownTimeZoneError(time_zone_unknown_to_source(name))


# All rows are read, so the planner must optimize for the last row and not for the first (1.2 s instead of 4.5 s for a
# sorted scan).
_SESSION = """
    SET LOCAL cursor_tuple_fraction = 1;
    SET LOCAL datestyle = 'ISO, YMD';
    SET LOCAL intervalstyle = 'iso_8601';
    SET LOCAL bytea_output = 'hex';
    SET LOCAL extra_float_digits = 1;
"""
