"""Translation of the database's errors to errors of Resma, with a remedy for operators.

Errors are distinguished by SQLSTATE (PostgreSQL, Appendix A), not by their message, which is in the server's language.
"""

from __future__ import annotations

import psycopg

from resma.errors import (
    DatabaseBusyError,
    DatabaseUnavailableError,
    Dependency,
    PermanentError,
    QueryInvalidError,
    TransientError,
)

_BUSY = {
    # query_limits.py translates errors about a report's own limits before, with the name of the report type.
    "57014": "A statement ran longer than its statement_timeout, or an operator canceled it. See the server's log.",
    "55P03": "A lock was not released within lock_timeout. pg_blocking_pids shows which session holds it.",
    "25P03": "A transaction was idle for longer than idle_in_transaction_session_timeout. See the server's log.",
    "25P04": "The transaction took longer than transaction_timeout. Narrow the filters, or raise the limit of the role "
    "that reads reports (ALTER ROLE ... SET transaction_timeout).",
    # A read-only transaction fails with a serialization error only on a standby (PostgreSQL 27.4.2, query conflicts).
    "40001": "A read replica canceled a long query that conflicted with replay. Turn hot_standby_feedback on or raise "
    "max_standby_streaming_delay on the replica, or read from the primary (SOURCE_SECRET_ARN).",
    "40P01": "The database ended a deadlock, or a read replica canceled a query that conflicted with replay. On a "
    "replica, turn hot_standby_feedback on or raise max_standby_streaming_delay.",
}
"""Errors that end a statement or transaction while the server remains available."""

_NOT_UTF_8 = {
    "22021": "A string contains bytes that are not valid UTF-8, as in a database with the encoding SQL_ASCII.",
    "22P05": "A string contains a character that cannot be represented in UTF-8.",
}
_CONVERT = (
    "Convert the column in query.sql, for example with convert_from(convert(x::bytea, 'LATIN1', 'UTF8'), 'UTF8') AS x, "
    "from the encoding that its bytes are really in."
)

_UNAVAILABLE = {
    "25006": "The server does not accept writes, as after a failover. The secret must name the one that does.",
    "53300": "The server has no connection left. Raise max_connections, use a connection pooler (RDS Proxy), or lower "
    "WorkerConcurrency.",
    "57P01": "The connection was ended by an operator, a shutdown or a failover. Find the cause if it was not planned.",
    "57P02": "The server ended all connections after a crash. See its log.",
    "57P03": "The server is starting or shutting down. Wait until it is up.",
    "57P05": "The connection was idle for longer than idle_session_timeout. Raise it for the functions' roles.",
}
_UNAVAILABLE_CLASSES = {
    "08": "The connection failed. Check the network between the function and the server.",
    "53": "The server is out of disk space, memory or connections. See its log.",
    "57": "An operator intervened. See the server's log.",
    "58": "The server had a system error. See its log.",
}
_LOST = (
    "The connection to the database was lost, for example by a restart or a failover. Find the cause if it was not "
    "planned."
)
_RETRIED = "The attempt is repeated automatically."


def translate(error: psycopg.Error, database: Dependency = "system-database") -> TransientError | PermanentError:
    """Returns the error of Resma for one of psycopg's errors. Its message names a remedy, or what is wrong in the
    query.

    `database` is where the error comes from. DatabaseUnavailableError is about the server: reports wait for it.
    DatabaseBusyError is about one statement or transaction: it uses up an attempt.
    """
    state = error.sqlstate
    if state is None and isinstance(error, psycopg.OperationalError):
        return DatabaseUnavailableError(f"{_LOST} {_RETRIED}", database)
    if state in _BUSY:
        return DatabaseBusyError(f"{_BUSY[state]} {_RETRIED} (SQLSTATE {state})")
    if remedy := _UNAVAILABLE.get(state or "") or _UNAVAILABLE_CLASSES.get((state or "")[:2]):
        return DatabaseUnavailableError(f"{remedy} {_RETRIED} (SQLSTATE {state})", database)
    if state in _NOT_UTF_8:
        return QueryInvalidError(f"{_NOT_UTF_8[state]} {_CONVERT} (SQLSTATE {state})")
    detail = type(error).__name__
    if not may_quote_rows(error):
        detail = (error.diag.message_primary or detail).strip()
    rejection = f"The database rejected the query (SQLSTATE {state}): {detail.rstrip('.')}."
    # The queries of the catalog read only the source database.
    return QueryInvalidError(f"{rejection} {_remedy(state)}" if database == "source-database" else rejection)


def _remedy(state: str | None) -> str:
    """Returns what to do about a query of the catalog that the database rejects."""
    if state == "42501":
        return "A GRANT is missing. Run `resma check`, which prints the statement."
    if (state or "").startswith("22"):
        return "A value of a row or a filter is not valid in the query. Correct query.sql, or change the filters."
    return "Run `resma check`, which names file, line and remedy."


def may_quote_rows(error: psycopg.Error) -> bool:
    """Returns whether the error's message may contain data of rows.

    Only messages about lost connections, limits, syntax and names cannot.
    """
    state = error.sqlstate
    return not (state is None or state in _BUSY or state in _UNAVAILABLE or state[:2] in {*_UNAVAILABLE_CLASSES, "42"})
