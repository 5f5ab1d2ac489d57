"""Databases as other people have them, which Resma has not made: tests/support/databases."""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg import sql

FOLDER = Path(__file__).parent / "databases"
READER = "reports"
"""A role that may read all tables, and nothing else."""
STRANGER = "stranger"
"""A role without any privilege."""
_PASSWORD = "secret"


def create_database(server_url: str, name: str) -> str:
    """Creates a database of the file `<name>.sql` on a server, with its statistics. Returns its URL for READER.

    An existing database of the name is replaced. The password of both roles is `secret`.
    """
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        for role in (READER, STRANGER):
            exists = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone()
            if exists is None:
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(_PASSWORD))
                )
    owner_url = f"{server_url.rpartition('/')[0]}/{name}"
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute((FOLDER / f"{name}.sql").read_bytes())
        connection.execute("ANALYZE")
        schemas = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)'")
        for (schema,) in schemas.fetchall():
            for privilege in ("USAGE ON SCHEMA", "SELECT ON ALL TABLES IN SCHEMA"):
                statement = sql.SQL("GRANT {} {} TO {}").format(
                    sql.SQL(privilege),
                    sql.Identifier(schema),
                    sql.Identifier(READER),
                )
                connection.execute(statement)
    return as_role(owner_url, READER)


def as_role(url: str, role: str) -> str:
    """Returns the URL of the same database for another role."""
    return f"postgresql://{role}:{_PASSWORD}@{url.rpartition('@')[2]}"
