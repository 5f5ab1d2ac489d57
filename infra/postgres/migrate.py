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


def migrate(database_url: str, *, is_exclusive: bool = False) -> list[str]:
    """Applies pending migrations, each in a transaction. Returns the names of the applied files.

    It may be called twice and concurrently, because yoyo holds a lock in the database. `is_exclusive` means that no
    other process can migrate the database, so an existing lock is that of a killed process and is removed. The URL's
    role must own the database and be able to create roles.
    """
    backend = get_backend(database_url.replace("postgresql://", "postgresql+psycopg://", 1))
    try:
        if is_exclusive:
            backend.break_lock()
        with backend.lock(timeout=60):
            pending = backend.to_apply(read_migrations(str(MIGRATIONS)))
            backend.apply_migrations(pending)
    finally:
        backend.connection.close()
    return [migration.id for migration in pending]


def set_password(database_url: str, login: str, password: str) -> None:
    """Sets the password of one of the LOGINS. Only a hash is sent, so that the log cannot contain the password."""
    with psycopg.connect(database_url) as connection:
        verifier = connection.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256")
        connection.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(login), sql.Literal(verifier.decode()))
        )


def main(given: Sequence[str] | None = None) -> int:
    """Applies pending migrations. Returns the exit code."""
    description = "Applies the pending migrations of a database."
    parser = argparse.ArgumentParser(prog="resma admin migrate", description=description)
    parser.add_argument("database_url", metavar="postgresql://user:password@host:port/dbname", type=_postgres_url)
    applied = migrate(parser.parse_args(given).database_url)
    print("\n".join(f"Applied {name}." for name in applied) or "No migration is pending.")
    return 0


def _postgres_url(text: str) -> str:
    if not text.startswith("postgresql://"):
        raise argparse.ArgumentTypeError("The URL must look like postgresql://user:password@host:port/dbname.")
    return text


if __name__ == "__main__":
    sys.exit(main())
