"""Time limits of a report's query: those of the report type, up to the operator's maximum."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from resma.catalog import ReportType
from resma.errors import DatabaseBusyError

MIN_STATEMENT_SECONDS = 1.0
"""Minimum statement timeout, also if the invocation has less time left."""

_LONGER_INVOCATION = "raise the template's parameter WorkerTimeoutSeconds (the invocation had no more time left)"


@dataclass(frozen=True)
class QueryLimits:
    """The limits of one report's transaction, in seconds."""

    statement_seconds: float
    """Limit of each statement: of the summary, and of each FETCH, the first of which may sort all rows."""
    statement_remedy: str
    """How to raise this limit, as a clause that follows "or"."""
    lock_seconds: int
    idle_seconds: int
    ends_at: float | None = None
    """When the time of the worker's invocation is up, as `time.monotonic`; None if there is no invocation."""


def limits_of(
    report_type: ReportType, max_statement_seconds: float | None = None, seconds_left: float | None = None
) -> QueryLimits:
    """Returns the limits of a report type's query.

    `max_statement_seconds` is the operator's maximum, `seconds_left` the time that is left of the worker's invocation.
    None means that there is no such limit.
    """
    declared = report_type.limits
    choices: list[tuple[float, str]] = [
        (
            declared.statement_timeout_seconds,
            f"raise `statement_timeout_seconds` under `[limits]` in the report.toml of {report_type.type}",
        )
    ]
    if max_statement_seconds is not None:
        choices.append((max_statement_seconds, "raise the template's parameter MaxStatementTimeoutSeconds"))
    if seconds_left is not None:
        choices.append((max(MIN_STATEMENT_SECONDS, seconds_left), _LONGER_INVOCATION))
    seconds, remedy = min(choices)
    ends_at = None if seconds_left is None else time.monotonic() + seconds_left
    return QueryLimits(seconds, remedy, declared.lock_timeout_seconds, declared.idle_timeout_seconds, ends_at)


class QueryClock:
    """Sets the limits of a report's transaction, and translates errors of limits that are exceeded."""

    def __init__(self, connection: Connection[TupleRow], report_type: ReportType, limits: QueryLimits) -> None:
        self._connection = connection
        self._type = report_type.type
        self._limits = limits
        self._since = time.monotonic()
        self._query = "query"

    @contextlib.contextmanager
    def measure(self, query: str) -> Iterator[None]:
        """Limits the time of a query that follows the summary to the same limits, and to what the invocation has left.

        If it fails, the errors of the transaction have its name.
        """
        self._query, limits = query, self._limits
        seconds_left = None if limits.ends_at is None else max(MIN_STATEMENT_SECONDS, limits.ends_at - time.monotonic())
        if seconds_left is not None and seconds_left < limits.statement_seconds:
            self.set(replace(limits, statement_seconds=seconds_left, statement_remedy=_LONGER_INVOCATION))
        else:
            self.set()
        yield
        self._query = "query"
        self.set(limits)

    def set(self, limits: QueryLimits | None = None) -> None:
        """Sets the limits of the open transaction; `limits` replace the previous ones."""
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
        """Translates errors of limits to DatabaseBusyError, whose message has the limit, report type and remedy."""
        try:
            yield
        except psycopg.errors.QueryCanceled as error:
            raise DatabaseBusyError(self._describe_cancellation()) from error
        except psycopg.errors.LockNotAvailable as error:
            raise DatabaseBusyError(
                f"The {self._query} of {self._type} waited longer than {self._limits.lock_seconds} s for a lock "
                "(lock_timeout, SQLSTATE 55P03). pg_blocking_pids shows which session holds it. Change tables when "
                "no reports are generated, or raise `lock_timeout_seconds` under `[limits]` in report.toml."
            ) from error
        except psycopg.errors.IdleInTransactionSessionTimeout as error:
            raise DatabaseBusyError(
                f"The transaction of {self._type} was idle for longer than {self._limits.idle_seconds} s "
                "(idle_in_transaction_session_timeout, SQLSTATE 25P03), because rows could not be stored fast enough. "
                "Check the object store, or raise `idle_timeout_seconds` under `[limits]` in report.toml."
            ) from error

    def _describe_cancellation(self) -> str:
        """Distinguishes by time between an exceeded limit and an operator's cancellation, which have the same error."""
        limit = f"{round(self._limits.statement_seconds, 1):g} s"
        if time.monotonic() - self._since < self._limits.statement_seconds:
            return (
                f"The {self._query} of {self._type} was canceled (SQLSTATE 57014) before its limit of {limit}: an "
                "operator canceled it, or the database's role has a shorter limit. See the server's log."
            )
        return (
            f"The {self._query} of {self._type} ran longer than its limit of {limit} (statement_timeout, SQLSTATE "
            f"57014). Narrow the filters, create an index for the query, or {self._limits.statement_remedy}."
        )
