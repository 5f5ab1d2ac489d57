"""Maximum length of a report's rows, determined before they are read.

Postgres sends each row as a whole, so it must fit into a worker's memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from resma.catalog import ReportType
from resma.errors import RowTooWideError
from resma.snapshot.report_query import catalog_query, cell_bytes, measured_columns, sort_order

MAX_ROW_BYTES = 2_000_000
"""Maximum size of the text, JSON and binary data of a row. libpq, psycopg and a writer hold up to ten copies of the row
that is being written: with rows of 4 MB a worker used 187 MB."""

OTHER_CELL_BYTES = 40
"""Assumed size of a number or date."""


def require_narrow_rows(
    connection: Connection[TupleRow],
    report_type: ReportType,
    values: Mapping[str, Any],
    columns: Sequence[str],
    widths: Mapping[str, int] | None,
) -> int:
    """Returns an upper bound of the size in bytes of rows with these columns.

    `widths` has the size of the longest cell of each column, as the summary measured it. If it is None, it is measured
    here. Raises RowTooWideError, which names the first row that is too long and its longest column.
    """
    measured = [name for name in columns if name in measured_columns(report_type)]
    if widths is None:
        widths = _measure(connection, report_type, values, measured)
    others = OTHER_CELL_BYTES * (len(columns) - len(measured))
    bound = sum(widths[name] for name in measured)
    if bound > MAX_ROW_BYTES:
        # The longest cells may be in different rows.
        total = sql.SQL("max({})").format(_row_bytes(report_type, measured))
        (bound,) = _aggregate(connection, report_type, values, total)
        if bound > MAX_ROW_BYTES:
            raise _too_wide(connection, report_type, values, measured)
    return bound + others


def _measure(
    connection: Connection[TupleRow], report_type: ReportType, values: Mapping[str, Any], columns: Sequence[str]
) -> dict[str, int]:
    maxima = [sql.SQL("coalesce(max({}), 0)").format(cell_bytes(report_type, name)) for name in columns]
    measured = _aggregate(connection, report_type, values, sql.SQL(", ").join(maxima)) if columns else ()
    return dict(zip(columns, measured, strict=True))


def _too_wide(
    connection: Connection[TupleRow], report_type: ReportType, values: Mapping[str, Any], columns: Sequence[str]
) -> RowTooWideError:
    cells = [sql.SQL("coalesce({}, 0)").format(cell_bytes(report_type, name)) for name in columns]
    found = connection.execute(
        sql.SQL(
            "SELECT row, cells FROM (SELECT row_number() OVER (ORDER BY {order}) AS row, ARRAY[{cells}]::bigint[] AS"
            " cells, {bytes} AS bytes FROM ({query}) AS report) AS numbered"
            " WHERE bytes > {max_bytes} ORDER BY row LIMIT 1"
        ).format(
            order=sort_order(report_type),
            cells=sql.SQL(", ").join(cells),
            bytes=_row_bytes(report_type, columns),
            query=catalog_query(report_type),
            max_bytes=sql.Literal(MAX_ROW_BYTES),
        ),
        values,
    ).fetchone()
    assert found is not None  # the snapshot has such a row, as measured before
    row, lengths = found
    longest = max(range(len(columns)), key=lambda index: int(lengths[index]))
    return RowTooWideError(
        f"Row {row} is too long for a worker's memory: its text, JSON and binary data have {sum(lengths)} bytes, of "
        f"which {lengths[longest]} are in column {columns[longest]}, and the limit is {MAX_ROW_BYTES}. Omit the "
        "column, or shorten it in query.sql (for example with left()).",
        column=columns[longest],
        row=row,
    )


def _row_bytes(report_type: ReportType, columns: Sequence[str]) -> sql.Composable:
    return sql.SQL(" + ").join(
        sql.SQL("coalesce({}, 0)::bigint").format(cell_bytes(report_type, name)) for name in columns
    )


def _aggregate(
    connection: Connection[TupleRow], report_type: ReportType, values: Mapping[str, Any], expression: sql.Composable
) -> TupleRow:
    row = connection.execute(
        sql.SQL("SELECT {} FROM ({}) AS report").format(expression, catalog_query(report_type)), values
    ).fetchone()
    assert row is not None  # an aggregate always returns a row
    return row
