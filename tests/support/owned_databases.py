"""Databases of owners without superuser rights, as in the clouds."""

from __future__ import annotations

from uuid import uuid4

import psycopg
from psycopg import sql

from infra.postgres.migrate import LOGINS
from infra.servers.postgres import PostgresServer

OWNER_PASSWORD = "p@ss"


def new_database(cluster: PostgresServer, rights: str = "CREATEROLE") -> str:
    """Creates a role that is not a superuser, and its database. Returns the URL, in the form that clouds print."""
    name = f"owner_{uuid4().hex[:8]}"
    identifier = sql.Identifier(name)
    with psycopg.connect(cluster.url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {name} LOGIN {rights} PASSWORD '{OWNER_PASSWORD}'".encode())
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(identifier, identifier))
    return f"postgres://{name}:{OWNER_PASSWORD.replace('@', '%40')}@127.0.0.1:{cluster.port}/{name}"


def relations(url: str, schema: str) -> list[str]:
    """Returns the tables and views of a schema."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(%s) AND relkind IN ('r', 'v')", (schema,)
        ).fetchall()
    return [name for (name,) in rows]


def empty(cluster: PostgresServer) -> None:
    """Drops all databases and roles of tests, and the logins."""
    with psycopg.connect(cluster.url, autocommit=True) as admin:
        databases = admin.execute("SELECT datname FROM pg_database WHERE datname LIKE 'owner%'").fetchall()
        for (name,) in databases:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        roles = admin.execute(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) OR rolname LIKE 'owner%%' ORDER BY rolname DESC",
            (list(LOGINS),),
        ).fetchall()
        for (name,) in roles:
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
