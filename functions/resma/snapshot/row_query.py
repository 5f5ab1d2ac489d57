"""The query for the rows of a report: its columns, and those that are needed to know the keys of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from resma.catalog import ReportType
from resma.report.header import Kind
from resma.snapshot.column_names import column_of_report
from resma.snapshot.conversion import column_expression
from resma.snapshot.report_query import catalog_query, sort_order

_CONVERTED: frozenset[Kind] = frozenset({"amount", "boolean"})
"""Kinds whose cells are not always as Postgres prints the column."""


@dataclass(frozen=True)
class RowQuery:
    """The query for all rows in the report's order."""

    query: sql.Composed
    width: int | None
    """Number of columns that the report shows, if more follow; None if no more follow."""
    key_indexes: Sequence[int]
    """Indexes of the key's columns in a row."""
    measured: Sequence[str]
    """Names of the columns that are read, except masked ones."""


def rows_query(
    report_type: ReportType,
    columns: Sequence[str],
    keys: Sequence[str],
    condition: sql.Composable,
    *,
    personal_masked: bool,
) -> RowQuery:
    """Returns the query for the rows that meet the condition, with these columns and the raw columns of keys."""
    chosen = report_type.choose_columns(columns)
    shown = [column_expression(column, masked=personal_masked) for column in chosen]
    masked = [personal_masked and column.personal for column in chosen]
    raw = [
        None if is_masked or (column.kind in _CONVERTED and column.name in keys) else column.name
        for column, is_masked in zip(chosen, masked, strict=True)
    ]
    # Columns that are needed for the key, but not shown or shown otherwise, follow the shown columns.
    more = [name for name in keys if name not in raw]
    query = sql.SQL("SELECT {} FROM ({}) AS report WHERE {} ORDER BY {}").format(
        sql.SQL(", ").join([*shown, *map(column_of_report, more)]),
        catalog_query(report_type),
        condition,
        sort_order(report_type),
    )
    return RowQuery(
        query,
        width=len(chosen) if more else None,
        key_indexes=[[*raw, *more].index(name) for name in keys],
        measured=[*(column.name for column, is_masked in zip(chosen, masked, strict=True) if not is_masked), *more],
    )
