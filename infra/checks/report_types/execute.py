"""Executes a report type's query in a database as its reports do, without reading rows. Everything is rolled back."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import Connection, Cursor, sql
from psycopg.rows import TupleRow

from resma.catalog import Diagnostic, Filter, ReportType
from resma.catalog.query_text import TENANT, find_parameters
from resma.snapshot.column_names import column_of_report
from resma.snapshot.report_query import sort_order

READER = "resma_reader"
PERMISSION_DENIED = "42501"
INDETERMINATE_DATATYPE = "42P18"

_CASTS = {"date": "date", "integer": "bigint", "amount": "numeric", "text": "text", "choice": "text[]"}
"""Types of parameters, by the kind of their filter."""

_REMEDIES = {
    "42P01": "Correct the name, or create it in the database.",
    PERMISSION_DENIED: "GRANT SELECT on it to the role of the reports.",
    "42883": "Cast one side to the type of the other.",
    "42804": "Cast one side to the type of the other.",
    "22P02": "Cast it to the type of the filter.",
    "22007": "Cast it to the type of the filter.",
}


_MAY_BECOME_READER = """
    SELECT count(*) > 0 FROM pg_roles
    WHERE rolname = %s AND rolname <> current_user AND to_regnamespace('resma') IS NOT NULL
      AND CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN pg_has_role(current_user, oid, 'SET')
               ELSE pg_has_role(current_user, oid, 'USAGE') END
"""
"""Reports of a database in which Resma is installed run as this role, those of any other with the role of the URL."""


class QueryRejectedError(Exception):
    """The database rejects the query. `is_permission` says whether the role lacks a privilege."""

    def __init__(self, diagnostic: Diagnostic, *, is_permission: bool) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic
        self.is_permission = is_permission


@contextlib.contextmanager
def as_reader(connection: Connection[TupleRow]) -> Iterator[Cursor[TupleRow]]:
    """Opens a READ ONLY transaction with the role of the reports, which is rolled back at the end."""
    with connection.transaction(force_rollback=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = '10s'")
        cursor.execute(_MAY_BECOME_READER, [READER])
        if cursor.fetchall()[0][0]:
            cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(READER)))
        yield cursor


def _is_always_set(item: Filter) -> bool:
    return item.required or item.default is not None


def _sample(item: Filter) -> Any:
    """Returns a valid value of the filter, as JSON."""
    if item.kind == "choice":
        return list(item.choices)
    if item.default is not None:
        return item.default
    values = {"date": "2024-02-29", "text": "x", "integer": 1, "amount": "1.50"}
    return next((value for value in (item.minimum, item.maximum) if value is not None), values[item.kind])


def execute(  # noqa: PLR0913, PLR0917  # the parts of the statement
    cursor: Cursor[TupleRow],
    report_type: ReportType,
    head: str,
    tail: str,
    chosen: Filter | None = None,
    names: Sequence[str] | None = None,
    tenant: str = "demo",
    *,
    all_filters: bool = False,
    unset: Collection[str] = (),
) -> None:
    """Executes a statement with the query as its subquery.

    Filters that are required or have a default are set, and `chosen`, or all of them; but not those named in `unset`.

    Raises QueryRejectedError if the database rejects it.
    """
    names = [column.name for column in report_type.columns] if names is None else names
    columns = "" if head.endswith("*") else ", ".join(column_of_report(name).as_string() for name in names)
    # The first line of the query is the second line of this statement.
    text = f"{head} {columns} FROM (\n{report_type.query}) AS report {tail}"
    values = {
        item.name: _sample(item)
        if item.name not in unset and (all_filters or item is chosen or _is_always_set(item))
        else None
        for item in report_type.filters
    }
    try:
        cursor.execute(text.encode(), {**values, TENANT: tenant})
    except psycopg.Error as error:
        if error.sqlstate is None:  # no rejection: the connection is lost
            raise
        is_permission = error.sqlstate == PERMISSION_DENIED
        diagnostic = _to_diagnostic(error, report_type, text, chosen)
        raise QueryRejectedError(diagnostic, is_permission=is_permission) from error


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
    if error.sqlstate == INDETERMINATE_DATATYPE:
        remedy = cast_remedy(message, {item.name: item.kind for item in report_type.filters})
    elif choice_filter := _filter_of_value(message, report_type):
        remedy = f"Correct `choices` of the filter '{choice_filter}', which are values of the query's list."
    else:
        remedy = error.diag.message_hint or _REMEDIES.get(error.sqlstate or "", "Correct the query.")
    prefix = f"With filter '{chosen.name}' set: " if chosen else ""
    return Diagnostic(f"{prefix}{message}. {remedy}", file="query.sql", line=line)


def _filter_of_value(message: str, report_type: ReportType) -> str | None:
    """Returns the filter whose choice Postgres cannot convert to the type in the query; None for other errors."""
    found = re.fullmatch(r'invalid input .*: "(.*)"', message)
    return next((item.name for item in report_type.filters if found and found[1] in (item.choices or ())), None)


def cast_remedy(message: str, kinds: Mapping[str, str] | None = None) -> str:
    """Returns how to give a parameter a type, which Postgres cannot infer. `kinds` are those of the filters."""
    found = re.search(r"%\((\w+)\)s", message)
    name = found[1] if found else "name"
    return f"Write a cast, such as %({name})s::{_CASTS.get((kinds or {}).get(name, ''), 'bigint')}."


def order_by(report_type: ReportType) -> str:
    """Returns the clause that sorts the rows as the report does."""
    return "ORDER BY " + sort_order(report_type).as_string()
