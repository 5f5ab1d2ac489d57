"""Checks a report type's query in a database, with the role of the reports. The query is planned, never executed."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection, Cursor, sql
from psycopg.rows import TupleRow

from infra.checks.report_types.decimal_digits import find_decimal_errors, find_decimal_warnings
from resma.catalog import Diagnostic, Filter, ReportType
from resma.catalog.diagnostics import KeyPath, suggest
from resma.catalog.query_text import TENANT, find_parameters
from resma.report.header import Kind
from resma.report.kinds import can_hold, kind_of_type
from resma.snapshot.column_names import column_of_report
from resma.snapshot.conversion import described_decimals
from resma.snapshot.summary_query import MAX_LABELS, sort_order

READER = "resma_reader"

MAX_DISTINCT = 1000
"""Number of distinct values of a column of charts or totals above which there is a warning. Without statistics,
Postgres' planner assumes 200."""

_REMEDIES = {
    "42P01": "Correct the name, or create it in a migration.",
    "42P18": "Cast the parameter, like %(name)s::text or ::date.",
    "42501": f"GRANT SELECT on it to {READER} in a migration.",
    "42883": "Cast one side to the type of the other.",
    "42804": "Cast one side to the type of the other.",
    "22P02": "Cast it to the type of the filter.",
    "22007": "Cast it to the type of the filter.",
}


_MAY_BECOME_READER = """
    SELECT count(*) > 0 FROM pg_roles
    WHERE rolname = %s AND rolname <> current_user AND pg_has_role(current_user, oid, 'USAGE')
"""
"""A database without this role, or a role without its privileges, is read with the role of the connection."""


class _ResultType(NamedTuple):
    """Type of a column that the query returns. `is_composite` says whether it is a row type."""

    name: str
    is_composite: bool

    def fits(self, kind: Kind) -> bool:
        return can_hold(kind, self.name, is_composite=self.is_composite)


class _QueryRejectedError(Exception):
    """The database rejects the query. `diagnostic` has its error."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def find_database_errors(connection: Connection[TupleRow], report_type: ReportType) -> list[Diagnostic]:
    """Returns the database's errors for the query, and columns that report.toml describes differently.

    The query is planned once without filters, then once with each filter; required filters are always set.
    `connection` must be in autocommit mode. Everything is rolled back.
    """
    try:
        with _as_reader(connection) as cursor:
            _execute(cursor, report_type, "SELECT *", "LIMIT 0")
            returned = [(column.name, column.type_code) for column in cursor.description or ()]
            decimals = described_decimals(cursor.description or ())
            types = {name: _result_type(cursor, code) for name, code in returned}
    except _QueryRejectedError as rejection:
        return [rejection.diagnostic]
    if len(types) < len(returned):
        return list(_find_duplicate_columns(report_type.query, [name for name, _ in returned]))
    if errors := list(_find_column_errors(report_type, types)):
        return errors
    errors += find_decimal_errors(report_type, decimals)
    for item in (None, *report_type.filters):
        try:
            with _as_reader(connection) as cursor:
                _execute(cursor, report_type, "EXPLAIN SELECT", _order(report_type), item)
        except _QueryRejectedError as rejection:
            errors.append(rejection.diagnostic)
            if item is None:
                break
    return errors


def find_database_warnings(connection: Connection[TupleRow], report_type: ReportType) -> list[Diagnostic]:
    """Returns warnings: rows that must be sorted, amounts without a precision, charts and totals of many values."""
    return [
        *_find_sort(connection, report_type),
        *_find_amounts_without_type(connection, report_type),
        *_find_many_values(connection, report_type),
    ]


def _find_amounts_without_type(connection: Connection[TupleRow], report_type: ReportType) -> list[Diagnostic]:
    with _as_reader(connection) as cursor:
        _execute(cursor, report_type, "SELECT *", "LIMIT 0")
        return list(find_decimal_warnings(report_type, described_decimals(cursor.description or ())))


def _find_many_values(connection: Connection[TupleRow], report_type: ReportType) -> Iterator[Diagnostic]:
    """Yields columns of charts and totals with many distinct values, as estimated by the planner (pg_stats)."""
    uses: list[tuple[str, KeyPath, str]] = [
        (chart.by, ("charts", index, "by"), f"The chart combines all but the largest {MAX_LABELS} into one value")
        for index, chart in enumerate(report_type.charts)
        if chart.kind != "time"
    ]
    if report_type.totals and report_type.totals.currency:
        consequence = "A report has a total for each value, and its files list only the largest"
        uses.append((report_type.totals.currency, ("totals", "currency"), consequence))
    for name, key_path, consequence in uses:
        with _as_reader(connection) as cursor:
            _execute(cursor, report_type, "EXPLAIN (FORMAT JSON) SELECT DISTINCT", "", names=[name])
            estimated = int(cursor.fetchall()[0][0][0]["Plan"]["Plan Rows"])
        if estimated > MAX_DISTINCT:
            yield Diagnostic(
                f"Column '{name}' has about {estimated:,} distinct values. {consequence}. Choose another column.",
                key_path,
            )


def _find_sort(connection: Connection[TupleRow], report_type: ReportType) -> list[Diagnostic]:
    with _as_reader(connection) as cursor:
        # The cheapest plan of an empty table is not significant. With sorts disabled, only a required one remains.
        for node in ("sort", "incremental_sort", "seqscan", "bitmapscan"):
            cursor.execute(sql.SQL("SET LOCAL {} = off").format(sql.Identifier(f"enable_{node}")))
        _execute(cursor, report_type, "EXPLAIN (FORMAT JSON) SELECT", _order(report_type))
        plan = cursor.fetchall()[0][0][0]["Plan"]
    if not _sorts_rows(plan):
        return []
    message = (
        f"No index returns the rows in the order of `sort` ({', '.join(report_type.sort_names)}), so each report sorts "
        "all rows first. Add an index, or change `sort`."
    )
    return [Diagnostic(message, ("sort",))]


@contextlib.contextmanager
def _as_reader(connection: Connection[TupleRow]) -> Iterator[Cursor[TupleRow]]:
    with connection.transaction(force_rollback=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = '10s'")
        cursor.execute(_MAY_BECOME_READER, [READER])
        if cursor.fetchall()[0][0]:
            cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(READER)))
        yield cursor


def _sample(item: Filter) -> Any:
    """Returns a valid value of the filter, as JSON."""
    if item.kind == "choice":
        return list(item.choices)
    if item.default is not None:
        return item.default
    values = {"date": "2024-02-29", "text": "x", "integer": 1, "amount": "1.50"}
    return next((value for value in (item.minimum, item.maximum) if value is not None), values[item.kind])


def _execute(  # noqa: PLR0913, PLR0917  # the parts of the statement
    cursor: Cursor[TupleRow],
    report_type: ReportType,
    head: str,
    tail: str,
    chosen: Filter | None = None,
    names: Sequence[str] | None = None,
) -> None:
    """Executes a statement with the query as its subquery. Required filters and `chosen` are set.

    Raises _QueryRejectedError if the database rejects it.
    """
    names = [column.name for column in report_type.columns] if names is None else names
    columns = "" if head.endswith("*") else ", ".join(column_of_report(name).as_string() for name in names)
    # The first line of the query is the second line of this statement.
    text = f"{head} {columns} FROM (\n{report_type.query}) AS report {tail}"
    values = {item.name: _sample(item) if item.required or item is chosen else None for item in report_type.filters}
    try:
        cursor.execute(text.encode(), {**values, TENANT: "demo"})
    except psycopg.Error as error:
        if error.sqlstate is None:  # no rejection: the connection is lost
            raise
        raise _QueryRejectedError(_to_diagnostic(error, report_type, text, chosen)) from error


def _to_diagnostic(error: psycopg.Error, report_type: ReportType, text: str, chosen: Filter | None) -> Diagnostic:
    """Returns the server's error with its line in query.sql. Its position is in the text that psycopg has converted."""
    numbers: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        return numbers.setdefault(found[1], f"${len(numbers) + 1}") if found[1] else "%"

    sent = re.sub(r"%\((\w+)\)s|%%", number, text)
    message = error.diag.message_primary or str(error)
    for name, numbered in numbers.items():
        message = re.sub(rf"{re.escape(numbered)}(?!\d)", f"%({name})s", message)
    if position := int(error.diag.statement_position or 0):
        line = min(sent.count("\n", 0, position - 1), report_type.query.count("\n"))
    else:
        line = find_parameters(report_type.query)[chosen.name] if chosen else 1
    remedy = error.diag.message_hint or _REMEDIES.get(error.sqlstate or "", "Correct the query.")
    prefix = f"With filter '{chosen.name}' set: " if chosen else ""
    return Diagnostic(f"{prefix}{message}. {remedy}", file="query.sql", line=line)


def _find_column_errors(report_type: ReportType, types: Mapping[str, _ResultType]) -> Iterator[Diagnostic]:
    described = {column.name: column for column in report_type.columns}
    for index, column in enumerate(report_type.columns):
        if column.name not in types:
            message = f"Column '{column.name}': query.sql does not return this column. {suggest(column.name, types)}"
            yield Diagnostic(message, ("columns", index, "name"))
        elif not types[column.name].fits(column.kind):
            yield Diagnostic(_type_message(column.name, column.kind, types[column.name]), ("columns", index, "kind"))
    for name in types:
        if name not in described:
            message = f"Column '{name}' is not in report.toml. Describe it there, or remove it from the query."
            yield Diagnostic(message, file="query.sql", line=_line_of_word(report_type.query, name))


def _find_duplicate_columns(query: str, names: list[str]) -> Iterator[Diagnostic]:
    for name in {name for name in names if names.count(name) > 1}:
        message = f"Two columns have the name '{name}'. Rename one with AS."
        yield Diagnostic(message, file="query.sql", line=_line_of_word(query, name))


def _type_message(name: str, kind: Kind, returned: _ResultType) -> str:
    """Returns the message for a kind that does not hold the type. It never advises a cast, which may lose digits."""
    fitting = kind_of_type(returned.name, is_composite=returned.is_composite)
    return f"Column '{name}': `kind` is {kind!r}, but query.sql returns {returned.name}. Write kind = \"{fitting}\"."


def _line_of_word(query: str, word: str) -> int:
    """Returns the line of the first `AS name`, or of the first occurrence of the name; 1 if it does not occur."""
    for pattern in (rf"\bAS\s+\"?{re.escape(word)}\b", rf"\b{re.escape(word)}\b"):
        if found := re.search(pattern, query, re.IGNORECASE):
            return query.count("\n", 0, found.end()) + 1
    return 1


def _sorts_rows(plan: Mapping[str, Any]) -> bool:
    """Returns whether a plan sorts rows. Sorts of groups do not count: they are few, and no index can order them."""
    if "Aggregate" in plan["Node Type"]:
        return False
    if "Sort" in plan["Node Type"] and not any(map(_aggregates, _inputs(plan))):
        return True
    # Some inputs of a merge may have only a few rows, so it suffices that one input is not sorted.
    require = all if plan["Node Type"] == "Merge Append" else any
    return require(map(_sorts_rows, _inputs(plan)))


def _aggregates(plan: Mapping[str, Any]) -> bool:
    return "Aggregate" in plan["Node Type"] or any(map(_aggregates, _inputs(plan)))


def _inputs(plan: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Returns the input nodes of a plan, without subplans that compute a single value."""
    parts = plan.get("Plans", [])
    return [part for part in parts if part["Parent Relationship"] not in {"InitPlan", "SubPlan"}]


def _order(report_type: ReportType) -> str:
    return "ORDER BY " + sort_order(report_type).as_string()


def _result_type(cursor: Cursor[TupleRow], code: int) -> _ResultType:
    cursor.execute("SELECT format_type(oid, NULL), typtype = 'c' FROM pg_type WHERE oid = %s", [code])
    return _ResultType(*cursor.fetchall()[0])
