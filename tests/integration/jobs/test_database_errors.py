"""Errors of a real database during a report's read are transient, and their messages say what to do."""

from __future__ import annotations

import contextlib
import re
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from infra.servers.postgres import PostgresServer
from resma.database.connection import Database, translated_errors
from resma.database.error_translation import translate
from resma.errors import DatabaseBusyError, DatabaseUnavailableError, QueryInvalidError, TransientError
from resma.snapshot.cursor import read_batches
from tests.support.system import PASSWORD, System

Provoke = Callable[[Connection[TupleRow], Connection[TupleRow]], None]


@pytest.fixture
def reader(postgres: PostgresServer) -> Iterator[Connection[TupleRow]]:
    """A connection with the role that reports read with."""
    with psycopg.connect(
        host="127.0.0.1", port=postgres.port, dbname="postgres", user="resma_reader", password=PASSWORD
    ) as connection:
        yield connection
        with contextlib.suppress(psycopg.Error):
            connection.rollback()


def _statement_timeout(reader: Connection[TupleRow], _admin: Connection[TupleRow]) -> None:
    reader.execute("SET LOCAL statement_timeout = '10ms'")
    reader.execute("SELECT pg_sleep(20)")


def _lock_timeout(reader: Connection[TupleRow], admin: Connection[TupleRow]) -> None:
    with admin.transaction():
        admin.execute("LOCK TABLE bank.transactions IN ACCESS EXCLUSIVE MODE")
        reader.execute("SET LOCAL lock_timeout = '10ms'")
        reader.execute("SELECT count(*) FROM bank.transactions")


def _idle_in_transaction(reader: Connection[TupleRow], admin: Connection[TupleRow]) -> None:
    # If the error arrives before the response to SET is read, libpq takes it for a notice: two seconds are enough time.
    reader.execute("SET LOCAL idle_in_transaction_session_timeout = '2s'")
    _await_gone(reader, admin)
    reader.execute("SELECT 1")


def _transaction_timeout(reader: Connection[TupleRow], _admin: Connection[TupleRow]) -> None:
    reader.execute("SET LOCAL transaction_timeout = '10ms'; SELECT pg_sleep(20)")


def _terminated(reader: Connection[TupleRow], admin: Connection[TupleRow]) -> None:
    reader.execute("SELECT 1")
    admin.execute("SELECT pg_terminate_backend(%s)", (reader.info.backend_pid,))
    _await_gone(reader, admin)
    reader.execute("SELECT 1")


def _cancelled_by_an_operator(reader: Connection[TupleRow], admin: Connection[TupleRow]) -> None:
    def cancel() -> None:
        find = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'"
        deadline = time.monotonic() + 120
        while admin.execute(find, (reader.info.backend_pid,)).fetchone() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    with ThreadPoolExecutor(1) as operator:
        cancelled = operator.submit(cancel)
        try:
            reader.execute("SELECT pg_sleep(20)")
        finally:
            cancelled.result()


def _await_gone(reader: Connection[TupleRow], admin: Connection[TupleRow]) -> None:
    deadline = time.monotonic() + 120
    while admin.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (reader.info.backend_pid,)).fetchone():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("provoke", "kind", "words"),
    [
        (_statement_timeout, DatabaseBusyError, ("57014", "statement_timeout", "an operator canceled it")),
        (_lock_timeout, DatabaseBusyError, ("55P03", "lock_timeout", "pg_blocking_pids")),
        (_idle_in_transaction, DatabaseBusyError, ("25P03", "idle_in_transaction_session_timeout", "server's log")),
        (_transaction_timeout, DatabaseBusyError, ("25P04", "transaction_timeout", "Narrow the filters")),
        (_terminated, DatabaseUnavailableError, ("57P01", "an operator")),
        (_cancelled_by_an_operator, DatabaseBusyError, ("57014", "an operator canceled it")),
    ],
)
def test_each_error_has_a_remedy(
    reader: Connection[TupleRow],
    admin: Connection[TupleRow],
    provoke: Provoke,
    kind: type[TransientError],
    words: tuple[str, ...],
) -> None:
    with pytest.raises(kind) as caught, translated_errors():
        provoke(reader, admin)
    assert [word for word in (*words, "The attempt is repeated automatically.") if word not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        # Errors that a test cannot cause without a replica, or without filling the server.
        (
            psycopg.errors.SerializationFailure(),
            DatabaseBusyError,
            ("hot_standby_feedback", "max_standby_streaming_delay"),
        ),
        (psycopg.errors.DeadlockDetected(), DatabaseBusyError, ("hot_standby_feedback",)),
        (psycopg.errors.TooManyConnections(), DatabaseUnavailableError, ("max_connections", "WorkerConcurrency")),
        (psycopg.errors.CannotConnectNow(), DatabaseUnavailableError, ("Wait until it is up",)),
        (psycopg.errors.DiskFull(), DatabaseUnavailableError, ("out of disk",)),
        (psycopg.OperationalError(), DatabaseUnavailableError, ("was lost",)),
    ],
)
def test_each_error_that_is_not_caused_here_has_a_remedy(
    error: psycopg.Error, kind: type[TransientError], words: tuple[str, ...]
) -> None:
    translated = translate(error)
    assert type(translated) is kind
    assert [word for word in (*words, "The attempt is repeated automatically.") if word not in str(translated)] == []


def test_a_refused_connection_has_a_remedy(system: System, admin: Connection[TupleRow]) -> None:
    """libpq returns no SQLSTATE for a connection that was refused, so one message has every remedy."""
    import os

    admin.execute("ALTER ROLE resma_reader CONNECTION LIMIT 0")
    try:
        with pytest.raises(DatabaseUnavailableError, match="max_connections"):
            Database(os.environ["SOURCE_SECRET_ARN"], "test").connect()
    finally:
        admin.execute("ALTER ROLE resma_reader CONNECTION LIMIT -1")


def test_the_error_of_a_failed_attempt_has_its_number_and_reason(system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(format="CSV")
    (record,) = system.receive()
    with psycopg.connect(admin.info.dsn, password=admin.info.password) as blocker:
        blocker.execute("LOCK TABLE bank.transactions IN ACCESS EXCLUSIVE MODE")
        assert not system.work(record)
    error = system.show(report_id)["error"]
    assert error["code"] == "database-busy"
    assert error["detail"].startswith("Attempt 1 of 3: The query of TRANSACTIONS waited longer than 5 s for a lock")


def test_an_error_that_may_quote_a_row_is_not_chained(reader: Connection[TupleRow]) -> None:
    """A log of the error with its causes has no value of a cell."""
    with pytest.raises(QueryInvalidError, match="22P02") as caught, translated_errors():
        reader.execute("SELECT description::bigint FROM (VALUES ('Ana Conceição')) AS row (description)")
    assert "Ana" not in "".join(traceback.format_exception(caught.value))


def test_the_error_for_bytes_that_are_not_utf_8_says_how_to_convert_them(admin: Connection[TupleRow]) -> None:
    """A database with the encoding SQL_ASCII accepts any bytes. The query in the error's message works."""
    admin.execute("CREATE DATABASE bytes ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE 'C'")
    try:
        info = admin.info
        address: dict[str, Any] = {"host": info.host, "port": info.port, "user": info.user, "password": info.password}
        with psycopg.connect(dbname="bytes", client_encoding="UTF8", **address) as connection:
            x = "convert_from(decode('436f6e636569e7e36f', 'hex'), 'SQL_ASCII')"
            with pytest.raises(QueryInvalidError) as caught, translated_errors():
                list(read_batches(connection, sql.SQL(f"SELECT {x} AS x").format(), {}, 100))
        with psycopg.connect(dbname="bytes", client_encoding="UTF8", **address) as connection:
            (remedy,) = re.findall(r"convert_from\(.*\) AS x", str(caught.value))
            query = sql.SQL(f"SELECT {remedy} FROM (SELECT {x} AS x) AS t").format()
            assert [batch.rows for batch in read_batches(connection, query, {}, 100)] == [[("Conceição".encode(),)]]
    finally:
        admin.execute("DROP DATABASE bytes WITH (FORCE)")


def test_the_error_for_an_invalid_query_has_its_cause(reader: Connection[TupleRow]) -> None:
    with pytest.raises(QueryInvalidError, match="nothing_there"), translated_errors():
        reader.execute("SELECT nothing_there")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("SELECT nothing_there", r"does not exist\. Run `resma check`, which names file, line and remedy\."),
        ("SELECT * FROM pg_authid", r"permission denied .*\. A GRANT is missing\. Run `resma check`"),
        ("SELECT 1 / 0", r"DivisionByZero\. A value of a row or a filter is not valid"),
    ],
)
def test_the_error_for_a_query_of_the_catalog_says_what_to_do(
    reader: Connection[TupleRow], query: LiteralString, says: str
) -> None:
    with pytest.raises(QueryInvalidError, match=says), translated_errors("source-database"):
        reader.execute(query)
