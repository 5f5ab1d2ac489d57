"""Applies the numbered files in migrations/: `resma admin migrate postgresql://…`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from infra.errors import StackError
from infra.postgres.connect import connect, describe

APP, SYSTEM, READER = LOGINS = ("resma_app", "resma_system", "resma_reader")

MIN_VERSION = 14
"""Oldest major version of PostgreSQL that the migrations support."""

_FOLDER = Path(__file__).parent
ROLES = _FOLDER / "roles.sql"


class MigrationError(StackError):
    """The migrations can't be applied. Nothing was changed. The message names each problem and its remedy."""

    code = "migration-failed"


@dataclass(frozen=True)
class Migrations:
    """A folder of SQL files that are applied in the order of their names, and the schema that they create."""

    folder: Path
    schema: str
    """The schema, which also contains the table `migrations` with the names of the applied files."""

    @property
    def names(self) -> list[str]:
        """Names of the files without their extension, in order."""
        return sorted(path.stem for path in self.folder.glob("*.sql"))

    def read(self, name: str) -> str:
        """Returns the SQL of a file."""
        return (self.folder / f"{name}.sql").read_text(encoding="utf-8")


SYSTEM_TABLES = Migrations(_FOLDER / "migrations", "resma")
"""The system's own tables."""


def migrate(database_url: str, migrations: Migrations = SYSTEM_TABLES) -> list[str]:
    """Applies all pending migrations in one transaction. Returns the names of the applied files.

    It may be called twice and concurrently, because it holds a lock until its transaction ends. It also creates the
    LOGINS that the cluster does not have. The URL's role must be able to create a schema in the database, or own the
    schema, and to create roles if a login does not exist. Raises MigrationError if a migration fails, and nothing is
    changed then; DatabaseUnreachableError.
    """
    with connect(database_url) as connection:
        return apply_migrations(connection, migrations)


def apply_migrations(connection: Connection[TupleRow], migrations: Migrations = SYSTEM_TABLES) -> list[str]:
    """Applies all pending migrations in the transaction of a connection, without committing it. See `migrate`."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"{migrations.schema}.migrations",))
    pending = find_pending(connection, migrations)
    if problems := find_missing_rights(connection, migrations, pending):
        raise MigrationError(" ".join(problems))
    _execute(connection, ROLES.name, ROLES.read_text(encoding="utf-8"))
    if pending:
        _create_table(connection, migrations.schema)
    for name in pending:
        _execute(connection, f"{name}.sql", migrations.read(name))
        # A table with deferred checks can't be altered by the next file.
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        connection.execute(sql.SQL("INSERT INTO {} (name) VALUES (%s)").format(_table(migrations.schema)), (name,))
    return pending


def find_pending(connection: Connection[TupleRow], migrations: Migrations = SYSTEM_TABLES) -> list[str]:
    """Returns the names of the files that are not applied yet.

    Raises MigrationError if the schema contains tables, but no record of applied files.
    """
    schema = migrations.schema
    row = connection.execute(
        "SELECT count(*), count(*) FILTER (WHERE relname = 'migrations') FROM pg_class"
        " WHERE relnamespace = to_regnamespace(%s) AND relkind IN ('r', 'p', 'v', 'm', 'f')",
        (schema,),
    ).fetchone()
    tables, records = row or (0, 0)
    if tables and not records:
        raise MigrationError(
            f"The schema `{schema}` of this database contains tables, but not the table `{schema}.migrations`: it is "
            f"of another application, or of an earlier version of Resma, which can't be upgraded. Use another "
            f"database, or delete the schema with all its data: DROP SCHEMA {schema} CASCADE. On your own machine, "
            "`make down` and `rm -rf .resma/local/postgres` delete the database of the embedded stack."
        )
    if not records:
        return migrations.names
    applied = {name for (name,) in connection.execute(sql.SQL("SELECT name FROM {}").format(_table(schema)))}
    return [name for name in migrations.names if name not in applied]


def find_missing_logins(connection: Connection[TupleRow]) -> list[str]:
    """Returns the LOGINS that the cluster does not have."""
    rows = connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", (list(LOGINS),)).fetchall()
    return [login for login in LOGINS if (login,) not in rows]


def find_missing_rights(connection: Connection[TupleRow], migrations: Migrations, pending: Sequence[str]) -> list[str]:
    """Returns everything that the role may not do but must, and that the server lacks, each with its remedy."""
    row = connection.execute(
        "SELECT current_user, current_database(), current_setting('server_version_num')::integer / 10000,"
        " rolsuper OR rolcreaterole, has_database_privilege(current_database(), 'CREATE'),"
        " (SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = %s)"
        " FROM pg_roles WHERE rolname = current_user",
        (migrations.schema,),
    ).fetchone()
    user, database, version, creates_roles, creates_schemas, owns_schema = row or ("", "", 0, False, False, False)
    problems = []
    if version < MIN_VERSION:
        problems.append(f"The server is PostgreSQL {version}. Use version {MIN_VERSION} or newer.")
    name, role = (sql.Identifier(text).as_string(connection) for text in (database, user))
    if pending and owns_schema is None and not creates_schemas:
        problems.append(
            f"The role {user} may not create a schema in the database {database}. As the owner of the database, "
            f"execute: GRANT CREATE ON DATABASE {name} TO {role}"
        )
    if pending and owns_schema is False:
        problems.append(
            f"The schema {migrations.schema} belongs to another role. Migrate as its owner, or execute as a superuser: "
            f"ALTER SCHEMA {migrations.schema} OWNER TO {role}"
        )
    if (missing := find_missing_logins(connection)) and not creates_roles:
        create = "; ".join(f"CREATE ROLE {login} LOGIN" for login in missing)
        problems.append(
            f"The role {user} may not create the logins {', '.join(missing)}. As a superuser, or the master user, "
            f"execute: ALTER ROLE {role} CREATEROLE, or create them: {create}"
        )
    return [f"{problem.rstrip('.')}." for problem in problems]


def set_password(database_url: str, login: str, password: str) -> None:
    """Sets the password of one of the LOGINS. Only a hash is sent, so that the log cannot contain the password."""
    with connect(database_url) as connection:
        change_password(connection, login, password)


def change_password(connection: Connection[TupleRow], login: str, password: str) -> None:
    """Sets the password of one of the LOGINS in the transaction of a connection. Raises StackError without the right.

    Only a hash is sent, so that the log cannot contain the password.
    """
    verifier = connection.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256")
    statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(login), sql.Literal(verifier.decode()))
    try:
        connection.execute(statement)
    except psycopg.errors.InsufficientPrivilege as error:
        raise StackError(
            f"This role may not set the password of {login}: {describe(error)}. Only the role that created the login, "
            "or a superuser, may do so."
        ) from error


def main(given: Sequence[str] | None = None) -> int:
    """Applies pending migrations. Returns the exit code: 0 for success, 1 after an error message."""
    description = "Applies the pending migrations of a database."
    parser = argparse.ArgumentParser(prog="resma admin migrate", description=description)
    parser.add_argument("database_url", metavar="postgresql://user:password@host:port/dbname")
    try:
        applied = migrate(parser.parse_args(given).database_url)
    except StackError as error:
        print(f"Failed: {error}", file=sys.stderr)
        return 1
    print("\n".join(f"Applied {name}." for name in applied) or "No migration is pending.")
    return 0


def _execute(connection: Connection[TupleRow], file: str, text: str) -> None:
    """Executes the statements of a file. Raises MigrationError with the line of the one that failed."""
    try:
        connection.execute(text.encode())
    except psycopg.Error as error:
        position = int(error.diag.statement_position or 0)
        line = f", line {text.count(chr(10), 0, position - 1) + 1}" if position else ""
        raise MigrationError(f"{file}{line}: {describe(error)}. No migration was applied.") from error


def _create_table(connection: Connection[TupleRow], schema: str) -> None:
    """Creates the schema, which may exist, and its table of applied files."""
    exists = connection.execute("SELECT to_regnamespace(%s) IS NOT NULL", (schema,)).fetchone() == (True,)
    if not exists:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    connection.execute(
        sql.SQL(
            "CREATE TABLE IF NOT EXISTS {} (name text PRIMARY KEY,"
            " applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"
        ).format(_table(schema))
    )


def _table(schema: str) -> sql.Identifier:
    return sql.Identifier(schema, "migrations")


if __name__ == "__main__":
    sys.exit(main())
