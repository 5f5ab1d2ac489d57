"""How long the database may work on a report's query: what the report type says, up to the operator's maximum."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from resma.catalog import ReportType
from resma.errors import DatabaseBusyError

MIN_STATEMENT_SECONDS = 1.0


@dataclass(frozen=True)
class QueryLimits:
    """The limits of one report's transaction, in seconds."""

    statement_seconds: float
    """For each statement: the summary, and each FETCH of rows, the first of which may sort all of them."""
    statement_reason: str
    """How to raise that limit, wherever it comes from; after "or"."""
    lock_seconds: int
    idle_seconds: int


def limits_of(
    report_type: ReportType, max_statement_seconds: float | None = None, seconds_left: float | None = None
) -> QueryLimits:
    """The limits of a report type's query.

    `max_statement_seconds` is the operator's maximum, `seconds_left` what is left of the worker's invocation; None is
    no such limit.
    """
    wanted = report_type.limits
    choices: list[tuple[float, str]] = [
        (
            wanted.statement_timeout_seconds,
            f"raise `statement_timeout_seconds` under `[limits]` in the report.toml of {report_type.type}",
        )
    ]
    if max_statement_seconds is not None:
        choices.append((max_statement_seconds, "raise the template's parameter MaxStatementTimeoutSeconds"))
    if seconds_left is not None:
        reason = "raise the template's parameter WorkerTimeoutSeconds (the limit is what was left of the invocation)"
        choices.append((max(MIN_STATEMENT_SECONDS, seconds_left), reason))
    seconds, reason = min(choices)
    return QueryLimits(seconds, reason, wanted.lock_timeout_seconds, wanted.idle_timeout_seconds)


class QueryClock:
    """Sets the limits of a report's transaction, and names the one that is reached."""

    def __init__(self, connection: Connection[TupleRow], report_type: ReportType, limits: QueryLimits) -> None:
        self._connection = connection
        self._type = report_type.type
        self._limits = limits
        self._since = time.monotonic()

    def set(self, limits: QueryLimits | None = None) -> None:
        """Sets the limits for the open transaction; `limits` replace those so far."""
        self._limits = limits = limits or self._limits
        self._since = time.monotonic()
        self._connection.execute(
            sql.SQL(
                "SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = {};"
                " SET LOCAL idle_in_transaction_session_timeout = {}"
            ).format(
                sql.Literal(f"{round(limits.statement_seconds * 1000)}ms"),
                sql.Literal(f"{limits.lock_seconds}s"),
                sql.Literal(f"{limits.idle_seconds}s"),
            )
        )

    @contextlib.contextmanager
    def named(self) -> Iterator[None]:
        """Turns what the database says of a limit into DatabaseBusyError that names limit, report type and remedy."""
        try:
            yield
        except psycopg.errors.QueryCanceled as error:
            raise DatabaseBusyError(self._say_canceled()) from error
        except psycopg.errors.LockNotAvailable as error:
            raise DatabaseBusyError(
                f"The query of {self._type} waited longer than {self._limits.lock_seconds} s for a lock (lock_timeout, "
                "SQLSTATE 55P03). pg_blocking_pids names who holds it: change tables when no reports are made, or "
                "raise `lock_timeout_seconds` under `[limits]` in report.toml."
            ) from error
        except psycopg.errors.IdleInTransactionSessionTimeout as error:
            raise DatabaseBusyError(
                f"The transaction of {self._type} was idle for longer than {self._limits.idle_seconds} s "
                "(idle_in_transaction_session_timeout, SQLSTATE 25P03), because what had been read could not be stored "
                "fast enough. Check the object store, or raise `idle_timeout_seconds` under `[limits]` in report.toml."
            ) from error

    def _say_canceled(self) -> str:
        """The database has one error for a limit that was reached and for an operator who cancels."""
        limit = f"{round(self._limits.statement_seconds, 1):g} s"
        if time.monotonic() - self._since < self._limits.statement_seconds:
            return (
                f"The query of {self._type} was canceled (SQLSTATE 57014) before its limit of {limit}: an operator "
                "canceled it, or the database's role has a shorter limit. See the server's log."
            )
        return (
            f"The query of {self._type} ran longer than its limit of {limit} (statement_timeout, SQLSTATE 57014). "
            f"Narrow the filters, give the query an index, or {self._limits.statement_reason}."
        )
