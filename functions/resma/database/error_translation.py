"""What the database's errors mean for a report, and what whoever runs it can do about each.

Told apart by SQLSTATE (PostgreSQL, Appendix A); message text is never searched, for it is in the server's language.
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
    # A report's own limits are named with the report type, and before it comes to this, in query_limits.py.
    "57014": "a statement ran longer than its statement_timeout, or an operator canceled it: see the server's log",
    "55P03": "a lock was not to be had within lock_timeout: pg_blocking_pids tells who holds it",
    "25P03": "a transaction was idle for longer than idle_in_transaction_session_timeout: see the server's log",
    "25P04": "the transaction took longer than transaction_timeout: narrow the filters, or raise the limit of the role "
    "that reads reports (ALTER ROLE ... SET transaction_timeout)",
    # A transaction that only reads fails to serialise on a standby alone (PostgreSQL 27.4.2, query conflicts).
    "40001": "a read replica ended a long read that was in the way of what it had to replay: there, turn "
    "hot_standby_feedback on or raise max_standby_streaming_delay, or read from the primary (SOURCE_SECRET_ARN)",
    "40P01": "the database ended a deadlock, or a read replica a read that was in the way of what it had to replay: if "
    "it is a replica, turn hot_standby_feedback on or raise max_standby_streaming_delay there",
}
"""What ends a query, and not the server's service."""

_NOT_UTF_8 = {
    "22021": "a text holds bytes that are no UTF-8, as in a database of encoding SQL_ASCII",
    "22P05": "a text holds a character that UTF-8 has no place for",
}
_CONVERT = (
    "convert the column in query.sql, for example convert_from(convert(x::bytea, 'LATIN1', 'UTF8'), 'UTF8') AS x, with "
    "the encoding that its bytes are really in"
)

_AWAY = {
    "25006": "the server takes no writes, as after a failover: the secret must name the one that does",
    "53300": "the server has no connection left: raise max_connections, put a pooler (RDS Proxy) before it, or lower "
    "WorkerConcurrency",
    "57P01": "the connection was ended by an operator, a shutdown or a failover: see why, if it was not planned",
    "57P02": "the server ended all connections after a crash: see its log",
    "57P03": "the server is starting or shutting down: wait until it is up",
    "57P05": "the connection stood idle for longer than idle_session_timeout: raise it for the functions' roles",
}
_AWAY_CLASSES = {
    "08": "the connection failed: see the network, and what is between the function and the server",
    "53": "the server is out of disk, memory or connections: see its log",
    "57": "an operator intervened: see the server's log",
    "58": "the server's own system failed: see its log",
}
_LOST = "the connection to the database was lost, as by a restart or a failover: see why, if it was not planned"
_AGAIN = "it is tried again"


def translate(error: psycopg.Error, database: Dependency = "system-database") -> TransientError | PermanentError:
    """Returns our error for one of psycopg's: transient ones name their remedy, a permanent one the query's fault.

    `database` is the one that the error comes from. DatabaseUnavailableError is of the server: it is waited for.
    DatabaseBusyError is of one statement or transaction: it uses up an attempt.
    """
    state = error.sqlstate
    if state is None and isinstance(error, psycopg.OperationalError):
        return DatabaseUnavailableError(f"{_LOST}; {_AGAIN}", database)
    if state in _BUSY:
        return DatabaseBusyError(f"{_BUSY[state]} (SQLSTATE {state}); {_AGAIN}")
    if remedy := _AWAY.get(state or "") or _AWAY_CLASSES.get((state or "")[:2]):
        return DatabaseUnavailableError(f"{remedy} (SQLSTATE {state}); {_AGAIN}", database)
    if state in _NOT_UTF_8:
        return QueryInvalidError(f"{_NOT_UTF_8[state]} (SQLSTATE {state}): {_CONVERT}")
    detail = type(error).__name__
    if not may_quote_rows(error):
        detail = (error.diag.message_primary or detail).strip()
    return QueryInvalidError(f"the database refused the query (SQLSTATE {state}): {detail}")


def may_quote_rows(error: psycopg.Error) -> bool:
    """Whether an error's own words may hold data: all may but those of lost connections, limits, syntax and names."""
    state = error.sqlstate
    return not (state is None or state in _BUSY or state in _AWAY or state[:2] in {*_AWAY_CLASSES, "42"})
