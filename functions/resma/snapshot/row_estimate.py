"""Estimate of a report's number of rows: counted if that is fast, otherwise the estimate of the query planner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from resma.catalog import ReportType
from resma.database.locks import AdvisoryLock, try_acquire_lock
from resma.snapshot.column_names import column_of_report
from resma.snapshot.report_query import catalog_query

COUNT_MILLISECONDS = 1500
"""Statement timeout for the count, and also for the query plan: a user is waiting."""

_LIMITS = sql.SQL("SET LOCAL statement_timeout = {0}; SET LOCAL lock_timeout = {0}").format(
    sql.Literal(f"{COUNT_MILLISECONDS}ms")
)


_NO_COUNT = (
    psycopg.errors.QueryCanceled,
    # A replica canceled the query, because it conflicted with replay (database/error_translation.py).
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
)


@dataclass(frozen=True)
class RowEstimate:
    """Number of rows, and whether they were counted."""

    rows: int
    is_exact: bool
    keys: int | None = None
    """Number of keys of a split report; None for other reports, and if they were not counted."""


def estimate_rows(
    connection: Connection[TupleRow],
    report_type: ReportType,
    tenant_id: str,
    values: Mapping[str, Any],
    split_by: Sequence[str] = (),
) -> RowEstimate:
    """Estimates the number of rows of the report type's query, in the open transaction, and of keys to split by.

    Only one count per tenant runs at a time; concurrent calls do not wait, but return the planner's estimate. psycopg's
    errors are not translated.
    """
    connection.execute(_LIMITS)
    query = catalog_query(report_type)
    if try_acquire_lock(connection, AdvisoryLock.ESTIMATE, tenant_id):
        try:
            with connection.transaction():  # a savepoint, so that the transaction can continue after an error
                return _count(connection, query, values, split_by)
        except _NO_COUNT:
            pass
    plan = connection.execute(
        sql.SQL("EXPLAIN (FORMAT JSON) SELECT FROM ({}) AS report").format(query), values
    ).fetchone()
    assert plan is not None  # EXPLAIN always returns a row
    return RowEstimate(int(plan[0][0]["Plan"]["Plan Rows"]), is_exact=False)


def _count(
    connection: Connection[TupleRow], query: sql.Composable, values: Mapping[str, Any], split_by: Sequence[str]
) -> RowEstimate:
    columns = sql.SQL(", ").join(map(column_of_report, split_by))
    group_by = sql.SQL("GROUP BY {}").format(columns) if split_by else sql.SQL("")
    statement = sql.SQL(
        "SELECT count(*), coalesce(sum(n), 0)::bigint FROM (SELECT count(*) AS n FROM ({}) AS report {}) AS found"
    ).format(query, group_by)
    row = connection.execute(statement, values).fetchone()
    assert row is not None  # an aggregate always returns a row
    keys, rows = row
    return RowEstimate(rows, is_exact=True, keys=keys if split_by else None)
