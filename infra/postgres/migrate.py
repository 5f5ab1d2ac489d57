"""Applies the numbered files in migrations/: `resma admin migrate postgresql://…`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg import sql
from yoyo import get_backend, read_migrations

MIGRATIONS = Path(__file__).parent / "migrations"
APP, SYSTEM, READER = LOGINS = ("resma_app", "resma_system", "resma_reader")


def migrate(database_url: str, *, is_alone: bool = False) -> list[str]:
    """Applies what is missing, each file in a transaction, and returns the names of the files applied.

    Safe to call twice and at once: yoyo holds a lock in the database. `is_alone` says that nobody else can be at it, so
    that a lock can only be what a killed migration has left. The URL's role must own the database and be able to
    create roles.
    """
    backend = get_backend(database_url.replace("postgresql://", "postgresql+psycopg://", 1))
    try:
        if is_alone:
            backend.break_lock()
        with backend.lock(timeout=60):
            missing = backend.to_apply(read_migrations(str(MIGRATIONS)))
            backend.apply_migrations(missing)
    finally:
        backend.connection.close()
    return [migration.id for migration in missing]


def set_password(database_url: str, login: str, password: str) -> None:
    """Gives one of the LOGINS its password. The password does not reach the server's log: it is sent hashed."""
    with psycopg.connect(database_url) as connection:
        verifier = connection.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256")
        connection.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(login), sql.Literal(verifier.decode()))
        )


def main(given: Sequence[str] | None = None) -> int:
    """Applies the migrations that a database lacks; returns the exit code."""
    description = "Applies the migrations that a database lacks."
    parser = argparse.ArgumentParser(prog="resma admin migrate", description=description)
    parser.add_argument("database_url", metavar="postgresql://user:password@host:port/dbname", type=_postgres_url)
    applied = migrate(parser.parse_args(given).database_url)
    print("\n".join(f"applied {name}" for name in applied) or "nothing to apply: the database is up to date")
    return 0


def _postgres_url(text: str) -> str:
    if not text.startswith("postgresql://"):
        raise argparse.ArgumentTypeError("must be a URL such as postgresql://user:password@host:port/dbname")
    return text


if __name__ == "__main__":
    sys.exit(main())
