"""How many rows a report would have: counted where that is quick, otherwise as the planner guesses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from resma.catalog import ReportType
from resma.database.locks import AdvisoryLock, try_acquire_lock
from resma.snapshot.summary_query import catalog_query

COUNT_MILLISECONDS = 1500
"""How long the database may count, and as long again plan: somebody is waiting."""

_LIMITS = sql.SQL("SET LOCAL statement_timeout = {0}; SET LOCAL lock_timeout = {0}").format(
    sql.Literal(f"{COUNT_MILLISECONDS}ms")
)


_NO_COUNT = (
    psycopg.errors.QueryCanceled,
    # A replica has ended it, because it was in the way of what it had to replay (database/error_translation.py).
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
)


@dataclass(frozen=True)
class RowEstimate:
    """Rows, and whether they were counted."""

    rows: int
    is_exact: bool


def estimate_rows(
    connection: Connection[TupleRow], report_type: ReportType, tenant_id: str, values: Mapping[str, Any]
) -> RowEstimate:
    """Looks at what the report type's query yields in the open transaction. Takes no lock that anybody waits for.

    A tenant has one count under way at a time: whoever asks meanwhile gets the planner's guess. psycopg's errors come
    out as they are.
    """
    connection.execute(_LIMITS)
    query = catalog_query(report_type)
    if try_acquire_lock(connection, AdvisoryLock.ESTIMATE, tenant_id):
        try:
            with connection.transaction():  # a savepoint, so that what follows can still be asked
                counted = connection.execute(
                    sql.SQL("SELECT count(*) FROM ({}) AS report").format(query), values
                ).fetchone()
            assert counted is not None  # a count is one row
            return RowEstimate(counted[0], is_exact=True)
        except _NO_COUNT:
            pass
    plan = connection.execute(
        sql.SQL("EXPLAIN (FORMAT JSON) SELECT FROM ({}) AS report").format(query), values
    ).fetchone()
    assert plan is not None  # a plan is one row
    return RowEstimate(int(plan[0][0]["Plan"]["Plan Rows"]), is_exact=False)
