"""Conversion of a query's types to the kinds of its columns, so that authors of queries write no casts.

The query is wrapped in another SELECT only if a column has a type that its kind does not print: money and floats of
kind amount, and arrays, rows and hstore of kind json. All other columns stay references to the query's columns, which
Postgres' planner pulls up, so that indexes stay usable.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from psycopg import Column, sql

from resma.catalog import ColumnSpec, ReportType
from resma.report.content import MASK
from resma.report.decimal_types import DecimalType, decimal_of_numeric
from resma.report.header import Kind
from resma.snapshot.column_names import column_of_report

_REAL, _DOUBLE, _MONEY, _JSON, _JSONB, _NUMERIC = 700, 701, 790, 114, 3802, 1700
"""OIDs of built-in types, which are the same in every database (src/include/catalog/pg_type.dat of Postgres)."""

_EXACT = "::text::numeric"
"""Converts a float to the decimal with the digits that Postgres prints. `::numeric` keeps 6 digits of a real, and 15 of
a double."""

_DECIMALS: Mapping[int, DecimalType] = {
    21: DecimalType(5, 0),  # smallint
    23: DecimalType(10, 0),  # integer
    20: DecimalType(19, 0),  # bigint
    _MONEY: DecimalType(19, 2),
}
"""Decimal types that hold every value of another type, by OID; money has two decimals in most locales."""


def converted(report_type: ReportType, described: Sequence[Column]) -> ReportType:
    """Returns the report type with a query whose columns are of types that their kinds print.

    `described` is the description of the query's result.
    """
    types = {column.name: column.type_code for column in described}
    conversions = {
        column.name: expression
        for column in report_type.columns
        if (expression := _conversion(column, types.get(column.name))) is not None
    }
    if not conversions:
        return report_type
    columns = [
        conversions.get(column.name, sql.SQL("{}")).format(column_of_report(column.name))
        + sql.SQL(" AS {}").format(_alias(column.name))
        for column in report_type.columns
    ]
    # The query may end with a comment.
    query = f"SELECT {sql.SQL(', ').join(columns).as_string()} FROM (\n{report_type.query}\n) AS report"  # noqa: S608
    return report_type.model_copy(update={"query": query})


def _conversion(column: ColumnSpec, oid: int | None) -> sql.SQL | None:
    """Returns the expression that converts a column, with `{}` for the column; None if its kind prints its type."""
    if column.kind == "amount" and oid in {_REAL, _DOUBLE}:
        return sql.SQL("{}" + _EXACT)
    if column.kind == "amount" and oid == _MONEY:
        return sql.SQL("{}::numeric")
    if column.kind == "json" and oid not in {_JSON, _JSONB, None}:
        return sql.SQL("to_json({})")
    return None


def _alias(name: str) -> sql.Identifier:
    """Returns the name of a result's column. psycopg reads a percent sign as a parameter, unless it is doubled."""
    return sql.Identifier(name.replace("%", "%%"))


def needs_description(report_type: ReportType) -> bool:
    """Returns whether the types of the query's result must be known."""
    kinds: set[Kind] = {column.kind for column in report_type.columns}
    return not kinds.isdisjoint({"amount", "json"})


def number_of(column: ColumnSpec) -> sql.Composed:
    """Returns the SQL expression for a number, as an exact one that can be added up. Its scale is fixed if declared."""
    value = column_of_report(column.name)
    if column.kind == "float":
        return value + sql.SQL(_EXACT)
    if column.fixed_scale:
        # A sum has the larger scale of its operands: values get more decimals, but are never rounded.
        return sql.SQL("({}::numeric + {})").format(value, sql.SQL(f"0.{'0' * column.fixed_scale}"))
    return value


def column_expression(column: ColumnSpec, *, masked: bool) -> sql.Composed:
    """Returns the SQL expression for a column as the report shows it. Masked values never leave the database."""
    value = column_of_report(column.name)
    if masked and column.personal:
        mask = sql.SQL("{}::jsonb").format(json.dumps(MASK)) if column.kind == "json" else sql.Literal(MASK)
        # `IS NOT NULL` is false for a row type with a field that is NULL.
        return sql.SQL("CASE WHEN {} IS DISTINCT FROM NULL THEN {} END").format(value, mask)
    if column.kind == "boolean":
        return value + sql.SQL("::text")  # `true` instead of `t`
    return number_of(column) if column.kind == "amount" else value


def exact_number(column: Column) -> sql.Composed | None:
    """Returns the SQL expression for a column of a result as a numeric; None if it is not a number."""
    value = column_of_report(column.name)
    if column.type_code in {_REAL, _DOUBLE}:
        return value + sql.SQL(_EXACT)
    return value + sql.SQL("::numeric") if column.type_code in {_NUMERIC, *_DECIMALS} else None


def described_decimals(described: Sequence[Column]) -> dict[str, DecimalType]:
    """Returns the types of a result's numbers whose type limits their digits, by name; omits plain numeric and floats.

    They are numeric(precision, scale), integers and money.
    """
    decimals = {column.name: _DECIMALS.get(column.type_code) for column in described}
    declared = {
        column.name: decimal_of_numeric(column.precision, column.scale)
        for column in described
        if column.precision is not None and column.scale is not None
    }
    return {name: decimal for name, decimal in decimals.items() if decimal} | declared


def decimal_types(report_type: ReportType, described: Sequence[Column]) -> dict[str, DecimalType]:
    """Returns the types of amounts whose precision the query limits, and the report type does not declare.

    A scale of the report type replaces that of the query.
    """
    found = described_decimals(described)
    return {
        column.name: _with_scale(found[column.name], column.scale)
        for column in report_type.columns
        if column.kind == "amount" and column.precision is None and column.name in found
    }


def _with_scale(decimal: DecimalType, scale: int | None) -> DecimalType:
    return decimal if scale is None else decimal_of_numeric(decimal.whole_digits + scale, scale)
