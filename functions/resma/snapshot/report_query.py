"""The query of a report type in SQL: its order, and the sizes of its cells. Its alias in statements is `report`."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from resma.catalog import ColumnSpec, ReportType, SortKey
from resma.report.kinds import UNBOUNDED
from resma.snapshot.column_names import column_of_report

_SMALL_JSON = 2048
_JSON_GROWTH = 8
"""Assumed maximum ratio of the text length of a small jsonb value to its stored size. Postgres compresses larger values
or stores them elsewhere. Converting each value to text would double the duration of the summary."""


def catalog_query(report_type: ReportType) -> sql.SQL:
    """Returns the query of the report type. It comes from a file of the catalog, never from a request."""
    return sql.SQL(report_type.query)


def restricted(report_type: ReportType, condition: sql.Composable) -> ReportType:
    """Returns the report type with only the rows of its query that meet the condition."""
    # The query may end with a comment.
    query = f"SELECT * FROM (\n{report_type.query}\n) AS report WHERE {condition.as_string()}"  # noqa: S608
    return report_type.model_copy(update={"query": query})


def sort_order(report_type: ReportType, *, reverse: bool = False) -> sql.Composed:
    """Returns the expressions for ORDER BY, or those of the reverse order."""
    return order_by([(column_of_report(key.name), key.descending != reverse) for key in report_type.sort])


def order_by(keys: Sequence[tuple[sql.Composable, bool]]) -> sql.Composed:
    """Returns the expressions for ORDER BY, from pairs of an expression and whether it is descending.

    NULLs come last in an ascending column, and first in a descending one, as in the indexes that return this order.
    """
    return sql.SQL(", ").join(
        sql.SQL("{} {}").format(expression, sql.SQL("DESC" if is_descending else "ASC"))
        for expression, is_descending in keys
    )


def split_keys(report_type: ReportType, split_by: Sequence[str]) -> tuple[SortKey, ...]:
    """Returns the columns that a report is split by. Raises ValueError unless they are the first ones of `sort`."""
    keys = report_type.sort[: len(split_by)]
    if not keys or [key.name for key in keys] != list(split_by):
        message = f"A report of {report_type.type} cannot be split by {', '.join(split_by)}: `sort` must start with it."
        raise ValueError(message)
    return keys


def printed(value: sql.Composable) -> sql.Composed:
    """Returns the SQL expression for a value of any type as a string, as Postgres prints it in a result.

    A cast to text differs for some types: `true` instead of `t`, and no trailing spaces of char(n).
    """
    return sql.SQL("CASE WHEN {0} IS DISTINCT FROM NULL THEN concat({0}) END").format(value)


def measured_columns(report_type: ReportType) -> list[str]:
    """Returns the names of the columns that are read and whose cells can have any size."""
    return [
        column.name
        for column in report_type.columns
        if column.kind in UNBOUNDED and (not column.hidden or column.name in report_type.sort_names)
    ]


def cell_bytes(report_type: ReportType, name: str) -> sql.Composed:
    """Returns the SQL expression for the size of a cell. Postgres knows it without reading the value."""
    column = column_of_report(name)
    kind = column_of(report_type, name).kind
    if kind == "text":
        return sql.SQL("octet_length({}::text)").format(column)
    if kind == "binary":  # `\\x` and two hexadecimal digits for each byte
        return sql.SQL("2 + 2 * octet_length({})").format(column)
    return sql.SQL(
        "CASE WHEN pg_column_size({0}) < {1} THEN {2} * pg_column_size({0}) ELSE octet_length({0}::text) END"
    ).format(column, sql.Literal(_SMALL_JSON), sql.Literal(_JSON_GROWTH))


def column_of(report_type: ReportType, name: str) -> ColumnSpec:
    """Returns the description of a column, which must exist."""
    return next(column for column in report_type.columns if column.name == name)


def is_latest_first(report_type: ReportType) -> bool:
    """Returns whether the rows of a file are in descending order of time, so that its last row is the earliest.

    It is the order of the first column of `sort` after those that the report may be split by.
    """
    split_by = report_type.split.by if report_type.split else ()
    return (report_type.sort[len(split_by) :] or report_type.sort)[0].descending
