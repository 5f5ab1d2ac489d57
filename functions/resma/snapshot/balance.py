"""The balance of an account before the first row of a report, or of each of its keys, and after the last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from resma.catalog import BalanceSpec, ReportType, SortKey
from resma.report.header import Balance
from resma.snapshot.column_names import column_of_report
from resma.snapshot.conversion import number_of
from resma.snapshot.report_query import catalog_query, column_of, is_latest_first, order_by, sort_order
from resma.snapshot.summary_cube import key_columns, key_number, select_keys


def find_balance(
    connection: Connection[TupleRow], report_type: ReportType, values: Mapping[str, Any]
) -> Balance | None:
    """Returns the balance of a report that is not split; None if it has no balance, or no rows."""
    if (spec := report_type.balance) is None:
        return None
    latest_first = is_latest_first(report_type)
    ends = sql.SQL(
        "SELECT (SELECT {opening} FROM ({query}) AS report ORDER BY {first} LIMIT 1),"
        " (SELECT {closing} FROM ({query}) AS report ORDER BY {last} LIMIT 1)"
    ).format(
        opening=_before(report_type, spec),
        closing=_after(report_type, spec),
        query=catalog_query(report_type),
        first=sort_order(report_type, reverse=latest_first),
        last=sort_order(report_type, reverse=not latest_first),
    )
    row = connection.execute(ends, values).fetchone()
    return Balance(*row) if row and None not in row else None


def balances_by_key(report_type: ReportType, spec: BalanceSpec, split_by: Sequence[SortKey]) -> sql.Composed:
    """Returns the query of the opening and closing balances of all keys, in one pass over the rows in their order."""
    rest = report_type.sort[len(split_by) :] or split_by
    ends = ("is_last", "is_first") if is_latest_first(report_type) else ("is_first", "is_last")
    keys = sql.SQL(", ").join(key_columns(split_by))
    return sql.SQL(
        "SELECT {number} AS k, max(CASE WHEN {opens} THEN before END) AS opening,"
        " max(CASE WHEN {closes} THEN after END) AS closing FROM (SELECT {select}, {before} AS before,"
        " {after} AS after, row_number() OVER in_key = 1 AS is_first, lead(1) OVER in_key IS NULL AS is_last"
        " FROM ({query}) AS report WINDOW in_key AS (PARTITION BY {columns} ORDER BY {order})) AS numbered"
        " WHERE is_first OR is_last GROUP BY {keys}"
    ).format(
        number=key_number(split_by),
        opens=sql.SQL(ends[0]),
        closes=sql.SQL(ends[1]),
        select=sql.SQL(", ").join(select_keys(split_by)),
        before=_before(report_type, spec),
        after=_after(report_type, spec),
        query=catalog_query(report_type),
        columns=sql.SQL(", ").join(column_of_report(key.name) for key in split_by),
        order=order_by([(column_of_report(key.name), key.descending) for key in rest]),
        keys=keys,
    )


def _before(report_type: ReportType, spec: BalanceSpec) -> sql.Composed:
    """Returns the SQL expression for the balance before a row."""
    return sql.SQL("({} - coalesce({}, 0))::text").format(
        number_of(column_of(report_type, spec.column)), number_of(column_of(report_type, spec.amount))
    )


def _after(report_type: ReportType, spec: BalanceSpec) -> sql.Composed:
    """Returns the SQL expression for the balance after a row."""
    return sql.SQL("({})::text").format(number_of(column_of(report_type, spec.column)))
