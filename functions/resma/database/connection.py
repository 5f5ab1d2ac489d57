"""Connections to Postgres: one a process and purpose, kept between invocations and mended when broken."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from aws_lambda_powertools import Logger
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.aws.clients import read_secret
from resma.database.error_translation import may_quote_rows, translate
from resma.errors import DatabaseUnavailableError, Dependency, SecretUnavailableError

logger = Logger(child=True)

_CANCEL_SECONDS = 2
LOCK_TIMEOUT = "5s"
"""Nobody waits for a lock for longer: DatabaseBusyError, and another try. Whoever holds one and stops loses it soon
(migration 0012)."""

_BEGIN = f"SELECT set_config('resma.tenant_id', %s, true), set_config('lock_timeout', '{LOCK_TIMEOUT}', true)"

_MEMBERS = {"host", "port", "dbname", "username", "password"}


class Database:
    """One kept connection, opened when it is first asked for.

    `transaction` may be called from several threads, which then take turns. `application_name` shows in
    pg_stat_activity.
    """

    def __init__(self, secret_arn: str, application_name: str, dependency: Dependency = "system-database") -> None:
        self._dependency = dependency
        self._secret_arn = secret_arn
        self._application_name = application_name
        self._connection: Connection[TupleRow] | None = None
        self._turn = threading.Lock()

    def connect(self) -> Connection[TupleRow]:
        """Returns a live connection with no transaction open. Raises DatabaseUnavailableError."""
        if self._connection is not None and _is_alive(self._connection):
            return self._connection
        self.close()
        self._connection = _open(self._secret_arn, self._application_name, self._dependency)
        return self._connection

    @contextlib.contextmanager
    def transaction(self, tenant_id: str | None) -> Iterator[Connection[TupleRow]]:
        """A read-write transaction: committed at the end, rolled back on any error. Errors come out as ours.

        It is the tenant's: the database shows and takes this tenant's rows and no others (row level security). None is
        for work on all tenants' rows, by a role that may see them.
        """
        with self._turn:
            try:
                with translated_errors(self._dependency):
                    connection = self.connect()
                    with connection.transaction():
                        connection.execute(_BEGIN, (tenant_id or "",))
                        yield connection
            except DatabaseUnavailableError:
                self.close()  # the next one looks for a server that can serve
                raise

    @contextlib.contextmanager
    def temporary_connection(self) -> Iterator[Connection[TupleRow]]:
        """Opens a connection for a while, with no transaction open, and closes it. Raises DatabaseUnavailableError.

        For whoever asks now and then from many processes: connections that are kept would be missing elsewhere.
        """
        with self._turn:
            try:
                yield self.connect()
            finally:
                self.close()

    def cancel(self) -> None:
        """Stops the statement that runs on the connection, from another thread. Never raises."""
        if (connection := self._connection) is not None:
            with contextlib.suppress(psycopg.Error):
                connection.cancel_safe(timeout=_CANCEL_SECONDS)

    def fetch_one(self, statement: str, values: Sequence[object]) -> tuple[Any, ...] | None:
        """Runs one statement as a transaction of its own, in one round trip; returns its first row.

        The statement must be one that may run twice: it is sent again where a kept connection turns out to be dead.
        """
        with self._turn:
            for kept in (self._connection, None):
                try:
                    with translated_errors(self._dependency):
                        return _ask(kept or self.connect(), statement, values)
                except DatabaseUnavailableError:
                    self.close()  # the next one looks for a server that can serve
                    if kept is None:
                        raise
        raise AssertionError  # the second turn returns or raises

    def close(self) -> None:
        """Closes the connection, if there is one. Never raises."""
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
        self._connection = None


def _ask(connection: Connection[TupleRow], statement: str, values: Sequence[object]) -> tuple[Any, ...] | None:
    connection.autocommit = True  # costs nothing: no BEGIN is sent, and no COMMIT
    try:
        return connection.execute(statement.encode(), values).fetchone()
    finally:
        if not connection.closed:
            connection.autocommit = False


def _is_alive(connection: Connection[TupleRow]) -> bool:
    if connection.closed:
        return False
    try:
        connection.rollback()
        connection.execute("SELECT 1")
        connection.rollback()
    except psycopg.Error:
        return False
    return True


def _open(secret_arn: str, application_name: str, dependency: Dependency) -> Connection[TupleRow]:
    try:
        secret = read_secret(secret_arn)
    except SecretUnavailableError as error:
        raise DatabaseUnavailableError(f"the database's secret: {error}", error.dependency) from error
    if missing := _MEMBERS - secret.keys():
        raise DatabaseUnavailableError(
            f"the database's secret lacks {', '.join(sorted(missing))}: see docs/aws.md", "secrets"
        )
    try:
        return psycopg.connect(
            host=secret["host"],
            port=secret["port"],
            dbname=secret["dbname"],
            user=secret["username"],
            password=secret["password"],
            # Encrypted, unless the secret says otherwise: a server on one's own machine has no certificate.
            sslmode=secret.get("sslmode", "require"),
            sslrootcert=secret.get("sslrootcert"),
            application_name=application_name,
            connect_timeout=5,
            client_encoding="UTF8",
            # Behind RDS Proxy or pgbouncer a prepared statement would pin the session.
            prepare_threshold=None,
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
            # Keepalives are not sent while data wait for an acknowledgement; this counts then, in milliseconds.
            tcp_user_timeout=25_000,
        )
    except psycopg.OperationalError as error:
        # Where and why is for the log: an error's message travels to whoever asked for the report.
        logger.warning("no connection", host=secret["host"], port=secret["port"], reason=str(error))
        raise DatabaseUnavailableError(
            "no connection to the database: check that it is up and has connections left (max_connections), that the "
            "function's subnet and security group reach it, and that the secret's password is right; the log says "
            "where and why",
            dependency,
        ) from error


@contextlib.contextmanager
def translated_errors(database: Dependency = "system-database") -> Iterator[None]:
    """Turns psycopg's errors into ours, each with its remedy; `database` is the one that they come from.

    What ours says is all that a log may hold of one that is about data: psycopg's own words may quote a row's.
    """
    try:
        yield
    except psycopg.Error as error:
        raise translate(error, database) from (None if may_quote_rows(error) else error)
