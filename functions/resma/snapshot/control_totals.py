"""Control totals: the result of a report type's control query, compared with the totals of the same snapshot.

control.sql returns one row per currency, or one row if the report type has no currencies, with a column for each amount
of `[totals]`. NULL is zero, as in the totals, and so is a currency without a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from psycopg import Column, Connection, sql
from psycopg.rows import TupleRow

from resma.catalog import ReportType, Totals
from resma.catalog.diagnostics import suggest
from resma.errors import ControlMismatchError, QueryInvalidError
from resma.report.control_totals import ControlTotal, control_records
from resma.report.header import Total
from resma.report.summary import Summary
from resma.short_text import counted, shorten
from resma.snapshot.column_names import column_of_report
from resma.snapshot.conversion import exact_number
from resma.snapshot.summary_query import MAX_CHARACTERS, MAX_TOTALS

MAX_SHOWN_DIFFERENCES = 5
"""Maximum number of differences in the message of an error."""

_ROWS = "rows"
"""Name of the optional column with the number of rows."""

_NAME_CHARACTERS = 40


def has_control(report_type: ReportType, values: Mapping[str, Any]) -> bool:
    """Returns whether the control query must run: unless a filter is set that it cannot apply."""
    spec = report_type.control
    return spec is not None and all(values.get(name) is None for name in spec.unless_filtered_by)


def control_query(report_type: ReportType) -> sql.SQL:
    """Returns the control query. It comes from a file of the catalog, never from a request."""
    assert report_type.control_query is not None  # the check of the catalog requires it
    return sql.SQL(report_type.control_query)


def find_control_totals(
    connection: Connection[TupleRow], report_type: ReportType, values: Mapping[str, Any], summary: Summary
) -> tuple[ControlTotal, ...]:
    """Executes the control query in the open transaction, and returns its result beside the totals of the summary.

    They are in the order of the totals. Raises ControlMismatchError if they are not equal to the last digit, and
    QueryInvalidError if the query does not return what it must.
    """
    if summary.totals_omitted:
        raise _invalid(report_type, f"cannot be compared: the totals have more than {MAX_TOTALS:,} currencies.")
    controls, counts_rows = _read_control(connection, report_type, values)
    totals = {total.currency: total for total in summary.totals}
    spec = _totals_of(report_type)
    zero = Total(None, 0, tuple(Decimal(0) for _ in spec.amounts))
    compared = [
        _compare(spec, currency, totals.get(currency, zero), controls.get(currency, zero), counts_rows=counts_rows)
        for currency in {**totals, **controls}
    ]
    if not all(total.agrees for total in compared):
        raise _mismatch(report_type, compared)
    # A currency without rows may have a row of zeros in the control query.
    return tuple(total for total in compared if total.currency is None or total.currency in totals)


def find_control_column_errors(
    report_type: ReportType, described: Sequence[Column]
) -> Iterator[tuple[str, str | None]]:
    """Yields errors of the columns of the control query's result, which `described` describes.

    Each is a message, and the name of the column if the query returns it.
    """
    totals = _totals_of(report_type)
    returned = [column.name for column in described]
    required = [*totals.amounts, *([totals.currency] if totals.currency else [])]
    for name in dict.fromkeys(returned):
        if returned.count(name) > 1:
            yield f"Two columns have the name '{name}'. Rename one with AS.", name
        elif name not in required and name != _ROWS:
            yield f"Column '{name}' is not one of the totals. {suggest(name, [*required, _ROWS])}", name
    for name in required:
        if name not in returned:
            yield f"It does not return the column '{name}'. Add it.", None
    for column in described:
        if column.name in {*totals.amounts, _ROWS} - {totals.currency} and exact_number(column) is None:
            yield f"Column '{column.name}' is of type {column.type_display}. It must be a number.", column.name


def _totals_of(report_type: ReportType) -> Totals:
    assert report_type.totals is not None  # the check of the catalog requires it
    return report_type.totals


def _read_control(
    connection: Connection[TupleRow], report_type: ReportType, values: Mapping[str, Any]
) -> tuple[dict[str | None, Total], bool]:
    """Returns the rows of the control query by currency, and whether they count rows."""
    spec = _totals_of(report_type)
    found: dict[str | None, Total] = {}
    statement, counts_rows = _statement(connection, report_type, values)
    for label, rows, amounts in connection.execute(statement, values):
        currency = label if label is None else shorten(label, MAX_CHARACTERS)
        if currency in found:
            raise _invalid(report_type, f"returns several rows{_for(currency)}. {_one_row(spec)}")
        if len(found) == MAX_TOTALS:
            raise _invalid(report_type, f"returns more than {MAX_TOTALS:,} rows. {_one_row(spec)}")
        found[currency] = Total(currency, _count(report_type, rows), tuple(map(_or_zero, amounts)))
    return found, counts_rows


def _statement(
    connection: Connection[TupleRow], report_type: ReportType, values: Mapping[str, Any]
) -> tuple[sql.Composed, bool]:
    """Returns the statement that reads currency, number of rows and amounts, and whether the query counts rows."""
    spec, query = _totals_of(report_type), control_query(report_type)
    described = connection.execute(sql.SQL("SELECT * FROM ({}) AS report LIMIT 0").format(query), values).description
    assert described is not None
    for message, _ in find_control_column_errors(report_type, described):
        raise _invalid(report_type, f"is not valid. {message}")
    numbers = {column.name: exact_number(column) for column in described}
    counts_rows = _ROWS in numbers and _ROWS not in {*spec.amounts, spec.currency}
    currency: sql.Composable = sql.SQL("NULL::text")
    if spec.currency:
        currency = sql.SQL("left(coalesce({}::text, ''), {})").format(
            column_of_report(spec.currency), sql.Literal(MAX_CHARACTERS + 1)
        )
    statement = sql.SQL("SELECT {}, {}, ARRAY[{}]::numeric[] FROM ({}) AS report LIMIT {}").format(
        currency,
        numbers[_ROWS] if counts_rows else sql.SQL("NULL::numeric"),
        sql.SQL(", ").join(number for name in spec.amounts if (number := numbers[name]) is not None),
        query,
        sql.Literal(MAX_TOTALS + 1),
    )
    return statement, counts_rows


def _one_row(totals: Totals) -> str:
    return "It must return one row for each currency." if totals.currency else "It must return one row."


def _for(currency: str | None) -> str:
    return "" if currency is None else f" for the currency '{shorten(currency, _NAME_CHARACTERS)}'"


def _or_zero(amount: Decimal | None) -> Decimal:
    return Decimal(0) if amount is None else amount


def _count(report_type: ReportType, rows: Decimal | None) -> int:
    if rows is not None and (not rows.is_finite() or rows != int(rows)):
        raise _invalid(report_type, f"is not valid. Column '{_ROWS}' is {rows:f}. It must be a whole number.")
    return int(rows or 0)


def _compare(spec: Totals, currency: str | None, total: Total, control: Total, *, counts_rows: bool) -> ControlTotal:
    pairs = zip(total.amounts, control.amounts, strict=True)
    rows = (total.rows, control.rows) if counts_rows else None
    return ControlTotal(currency, dict(zip(spec.amounts, pairs, strict=True)), rows)


def _mismatch(report_type: ReportType, compared: Sequence[ControlTotal]) -> ControlMismatchError:
    ordered = sorted(compared, key=lambda total: total.agrees)
    differences = [difference for total in ordered for difference in total.differences()]
    shown = "; ".join(differences[:MAX_SHOWN_DIFFERENCES])
    more = len(differences) - MAX_SHOWN_DIFFERENCES
    rest = f"; and {counted(more, 'more difference')}" if more > 0 else ""
    return ControlMismatchError(
        f"The totals differ from those of control.sql of {report_type.type}: {shown}{rest}. Nothing was published. "
        "Correct the data or one of the queries, and request the report again.",
        control_records(ordered),
    )


def _invalid(report_type: ReportType, problem: str) -> QueryInvalidError:
    return QueryInvalidError(f"The control query of {report_type.type} (control.sql) {problem}")
