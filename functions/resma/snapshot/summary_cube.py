"""The cube of a summary: one row for each combination of key, currency, period and labels of charts."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from resma.catalog import ChartSpec, ReportType, SortKey
from resma.report.header import Kind
from resma.report.kinds import UNBOUNDED
from resma.snapshot.column_names import column_of_report
from resma.snapshot.conversion import number_of
from resma.snapshot.report_query import catalog_query, cell_bytes, column_of, measured_columns, order_by, printed


def cube_part(report_type: ReportType, split_by: Sequence[SortKey]) -> sql.Composed:
    """Returns the common table expression `cube`, which reads all rows once.

    `k` is the number of a row's key in the order of the report, and `key` the key as strings; 0 and NULL if the report
    is not split.
    """
    number: sql.Composable = sql.SQL("0::bigint")
    key: sql.Composable = sql.SQL("NULL::text[]")
    if split_by:
        number = key_number(split_by)
        key = sql.SQL("ARRAY[{}]").format(sql.SQL(", ").join(map(printed, key_columns(split_by))))
    return sql.SQL("cube AS MATERIALIZED (SELECT *, {number} AS k, {key} AS key FROM ({cube}) AS found)").format(
        number=number, key=key, cube=_cube(report_type, split_by)
    )


def key_columns(split_by: Sequence[SortKey]) -> list[sql.SQL]:
    """Returns the names of the key's columns in the cube."""
    return [sql.SQL(f"key_{index}") for index in range(len(split_by))]


def key_number(split_by: Sequence[SortKey]) -> sql.Composed:
    """Returns the SQL expression for the number of a key in the order of the report, from 1."""
    keys = zip(key_columns(split_by), (key.descending for key in split_by), strict=True)
    return sql.SQL("dense_rank() OVER (ORDER BY {})").format(order_by(list(keys)))


def select_keys(split_by: Sequence[SortKey]) -> list[sql.Composed]:
    """Returns the expressions of a SELECT of the query for the key's columns."""
    return [
        sql.SQL("{} AS {}").format(column_of_report(key.name), column)
        for key, column in zip(split_by, key_columns(split_by), strict=True)
    ]


def _cube(report_type: ReportType, split_by: Sequence[SortKey]) -> sql.Composed:
    totals = report_type.totals
    # Rows without a currency and rows with an empty currency have one total.
    currency: sql.Composable = sql.SQL("''")
    if totals and totals.currency:
        currency = sql.SQL("coalesce({}::text, '')").format(column_of_report(totals.currency))
    sums = [
        sql.SQL("sum({}) AS {}").format(number_of(column_of(report_type, name)), sql.Identifier(amount_name(index)))
        for index, name in enumerate(totals.amounts if totals else ())
    ] or [sql.SQL("0::numeric AS {}").format(sql.Identifier(amount_name(0)))]
    groups = [sql.SQL("{} AS currency").format(currency), sql.SQL("{} AS period").format(_period(report_type))]
    groups += [
        sql.SQL("{} AS {}").format(
            _label(chart, column_of(report_type, chart.by).kind), sql.Identifier(f"label_{index}")
        )
        for index, chart in enumerate(report_type.charts)
    ]
    groups += select_keys(split_by)
    largest = [
        sql.SQL("max({}) AS {}").format(expression, sql.Identifier(name)) for name, _, expression in maxima(report_type)
    ]
    return sql.SQL("SELECT {columns}, count(*) AS n, {sums} FROM ({query}) AS report GROUP BY {groups}").format(
        columns=sql.SQL(", ").join([*groups, *largest]),
        sums=sql.SQL(", ").join(sums),
        query=catalog_query(report_type),
        groups=sql.SQL(", ").join(sql.SQL(str(number)) for number in range(1, len(groups) + 1)),
    )


def amount_name(index: int) -> str:
    """Returns the name of an amount in the cube. Charts show the first one, `amount`."""
    return f"amount_{index}" if index else "amount"


def maxima(report_type: ReportType) -> list[tuple[str, str, sql.Composable]]:
    """Returns the maxima of columns in the cube: name in the cube, name of the column, expression.

    `scale_…` is the number of digits after the decimal point, `bytes_…` the size of the cell as text.
    """
    amounts = [column for column in report_type.shown_columns if column.kind == "amount"]
    scales = [
        (f"scale_{i}", column.name, sql.SQL("scale({}::numeric)").format(number_of(column)))
        for i, column in enumerate(amounts)
    ]
    widths = [
        (f"bytes_{i}", name, cell_bytes(report_type, name)) for i, name in enumerate(measured_columns(report_type))
    ]
    return [*scales, *widths]


def _period(report_type: ReportType) -> sql.Composed:
    """Returns the expression for the period, truncated as the report type says to keep the number of groups small."""
    if report_type.period is None:
        return sql.Composed([sql.SQL("NULL::timestamp")])
    return sql.SQL("date_trunc({}, {}::timestamp)").format(
        sql.Literal(report_type.subtotals or "month"), column_of_report(report_type.period)
    )


def _label(chart: ChartSpec, kind: Kind) -> sql.Composed:
    column = column_of_report(chart.by)
    if chart.kind == "time":
        return sql.SQL("date_trunc('month', {}::timestamp)").format(column)
    # Some types of these kinds, such as json and point, cannot be grouped.
    return sql.SQL("{}::text").format(column) if kind in UNBOUNDED else column
