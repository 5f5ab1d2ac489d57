"""Connections to Postgres: one per process and purpose, reused between invocations and reopened after a failure."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
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
"""Maximum time to wait for a lock; after it, DatabaseBusyError is raised and the attempt is repeated. A session that
stops while it holds a lock loses it soon (migration 0012)."""

_BEGIN = f"SELECT set_config('resma.tenant_id', %s, true), set_config('lock_timeout', '{LOCK_TIMEOUT}', true)"

_SECRET_FIELDS = {"host", "port", "dbname", "username", "password"}

TLS_PARAMETERS = (
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "sslcrl",
    "sslsni",
    "sslnegotiation",
    "ssl_min_protocol_version",
    "channel_binding",
    "gssencmode",
)
"""Optional fields of a secret: parameters of libpq about encryption (PostgreSQL 34.1.2). The default of `sslmode` is
`require`."""

SESSION_PARAMETERS = ("options", "target_session_attrs")
"""Other optional fields of a secret, which are also parameters of libpq."""


class Database:
    """One connection, opened on first use and then reused.

    Several threads may call `transaction`; they run one after the other. pg_stat_activity shows `application_name`.
    """

    def __init__(self, secret_arn: str, application_name: str, dependency: Dependency = "system-database") -> None:
        self._dependency = dependency
        self._secret_arn = secret_arn
        self._application_name = application_name
        self._connection: Connection[TupleRow] | None = None
        self._lock = threading.Lock()

    def connect(self) -> Connection[TupleRow]:
        """Returns a live connection with no transaction open. Raises DatabaseUnavailableError."""
        if self._connection is not None and _is_alive(self._connection):
            return self._connection
        self.close()
        self._connection = _open(self._secret_arn, self._application_name, self._dependency)
        return self._connection

    @contextlib.contextmanager
    def transaction(self, tenant_id: str | None) -> Iterator[Connection[TupleRow]]:
        """Opens a read-write transaction: it is committed at the end, and rolled back after any error.

        Row level security limits it to the rows of the tenant. None is for a role that may access the rows of all
        tenants. psycopg's errors are translated to errors of Resma.
        """
        with self._lock:
            try:
                with translated_errors(self._dependency):
                    connection = self.connect()
                    with connection.transaction():
                        connection.execute(_BEGIN, (tenant_id or "",))
                        yield connection
            except DatabaseUnavailableError:
                self.close()  # the next transaction connects again, perhaps to another server
                raise

    @contextlib.contextmanager
    def temporary_connection(self) -> Iterator[Connection[TupleRow]]:
        """Opens a connection without a transaction, and closes it at the end. Raises DatabaseUnavailableError.

        For rare queries from many processes: idle connections would use up the server's max_connections.
        """
        with self._lock:
            try:
                yield self.connect()
            finally:
                self.close()

    def cancel(self) -> None:
        """Cancels the statement that is running on the connection; call it from another thread. Never raises."""
        if (connection := self._connection) is not None:
            with contextlib.suppress(psycopg.Error):
                connection.cancel_safe(timeout=_CANCEL_SECONDS)

    def fetch_one(self, statement: str, values: Sequence[object]) -> tuple[Any, ...] | None:
        """Runs one statement in a transaction of its own, in one round trip. Returns its first row.

        The statement must be safe to run twice: it is sent again if the reused connection turns out to be broken.
        """
        with self._lock:
            for reused in (self._connection, None):
                try:
                    with translated_errors(self._dependency):
                        return _fetch_one(reused or self.connect(), statement, values)
                except DatabaseUnavailableError:
                    self.close()  # the next transaction connects again, perhaps to another server
                    if reused is None:
                        raise
        raise AssertionError  # the second iteration returns or raises

    def close(self) -> None:
        """Closes the connection, if one is open. Never raises."""
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
        self._connection = None


def _fetch_one(connection: Connection[TupleRow], statement: str, values: Sequence[object]) -> tuple[Any, ...] | None:
    connection.autocommit = True  # saves the round trips of BEGIN and COMMIT
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
        raise DatabaseUnavailableError(f"Secret of the database: {error}", error.dependency) from error
    if missing := _SECRET_FIELDS - secret.keys():
        raise DatabaseUnavailableError(
            f"The secret of the database lacks {', '.join(sorted(missing))}. See docs/aws.md.", "secrets"
        )
    try:
        return psycopg.connect(
            host=secret["host"],
            port=secret["port"],
            dbname=secret["dbname"],
            user=secret["username"],
            password=secret["password"],
            # Encrypted unless the secret says otherwise: a server on the local machine has no certificate.
            **{"sslmode": "require", **_optional_parameters(secret)},
            application_name=application_name,
            connect_timeout=5,
            client_encoding="UTF8",
            # A prepared statement would pin the session in RDS Proxy or pgbouncer.
            prepare_threshold=None,
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
            # In milliseconds: the limit while data wait for an acknowledgement, when keepalives are not sent.
            tcp_user_timeout=25_000,
        )
    except psycopg.OperationalError as error:
        # Host and reason are logged only: the caller who requested the report sees the error's message.
        logger.warning("connecting to the database failed", host=secret["host"], port=secret["port"], reason=str(error))
        raise DatabaseUnavailableError(
            "Connecting to the database failed. Check that it is running and has connections left (max_connections), "
            "that the function's subnet and security group can reach it, and that the password in the secret is "
            "correct. The log has the host and the reason.",
            dependency,
        ) from error


def _optional_parameters(secret: Mapping[str, Any]) -> dict[str, Any]:
    return {name: secret[name] for name in (*TLS_PARAMETERS, *SESSION_PARAMETERS) if secret.get(name)}


@contextlib.contextmanager
def translated_errors(database: Dependency = "system-database") -> Iterator[None]:
    """Translates psycopg's errors to errors of Resma, which name a remedy; `database` is where they come from.

    The original error is chained only if its message cannot contain data of rows, because logs must not contain any.
    """
    try:
        yield
    except psycopg.Error as error:
        raise translate(error, database) from (None if may_quote_rows(error) else error)
