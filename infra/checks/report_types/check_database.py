"""Checks a report type's query in a database, with the role of the reports. The query is planned, never executed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from psycopg import Connection
from psycopg.rows import TupleRow

from infra.checks.report_types.column_types import ColumnType, ReturnedColumn, describe_columns
from infra.checks.report_types.decimal_digits import find_decimal_errors
from infra.checks.report_types.execute import QueryRejectedError, as_reader, execute, order_by
from infra.checks.report_types.grants import find_missing_grants, named_relations, read_role
from infra.checks.report_types.split_filters import find_split_filter_errors
from infra.checks.report_types.tenant_condition import find_tenant_errors
from resma.catalog import ColumnSpec, Diagnostic, ReportType
from resma.catalog.diagnostics import suggest
from resma.catalog.query_text import find_parameters
from resma.snapshot.control_totals import find_control_column_errors
from resma.snapshot.conversion import described_decimals


@dataclass(frozen=True)
class DatabaseFindings:
    """The database's errors for one report type."""

    errors: list[Diagnostic]
    grants: tuple[str, ...] = ()
    """Statements that give the role of the reports the privileges that it lacks."""


def find_database_errors(connection: Connection[TupleRow], report_type: ReportType) -> DatabaseFindings:
    """Returns the database's errors for the query, and columns that report.toml describes differently.

    The query is planned once without filters, then once with each filter; required filters are always set.
    `connection` must be in autocommit mode. Everything is rolled back.
    """
    try:
        with as_reader(connection) as cursor:
            execute(cursor, report_type, "SELECT *", "LIMIT 0")
            decimals = described_decimals(cursor.description or ())
            returned = describe_columns(cursor)
    except QueryRejectedError as rejection:
        return _explain_rejection(connection, report_type, rejection)
    types = {column.name: column.type for column in returned}
    if len(types) < len(returned):
        return DatabaseFindings(list(_find_duplicate_columns(report_type.query, returned)))
    if errors := list(_find_column_errors(report_type, types)):
        return DatabaseFindings(errors)
    errors += find_decimal_errors(report_type, decimals)
    for item in (None, *report_type.filters):
        try:
            with as_reader(connection) as cursor:
                execute(cursor, report_type, "EXPLAIN SELECT", order_by(report_type), item)
        except QueryRejectedError as rejection:
            errors.append(rejection.diagnostic)
            if item is None:
                return DatabaseFindings(errors)
    errors += find_tenant_errors(connection, report_type)
    errors += find_split_filter_errors(connection, report_type)
    control = find_control_errors(connection, report_type)
    return DatabaseFindings([*errors, *control.errors], control.grants)


def find_control_errors(connection: Connection[TupleRow], report_type: ReportType) -> DatabaseFindings:
    """Returns the database's errors for the control query, if the report type has one. It is planned like the query."""
    if report_type.control is None or report_type.control_query is None:
        return DatabaseFindings([])
    # The control query as the query of a report type, so that it is executed and located in the same way.
    control = report_type.model_copy(update={"query": report_type.control_query, "columns": ()})
    found = _check_control(connection, report_type, control)
    return DatabaseFindings([replace(item, file="control.sql") for item in found.errors], found.grants)


def _check_control(connection: Connection[TupleRow], report_type: ReportType, control: ReportType) -> DatabaseFindings:
    try:
        with as_reader(connection) as cursor:
            execute(cursor, control, "SELECT *", "LIMIT 0")
            described = cursor.description or ()
    except QueryRejectedError as rejection:
        return _explain_rejection(connection, control, rejection)
    if errors := [
        Diagnostic(message, file="control.sql", line=_line_of_word(control.query, name) if name else 1)
        for message, name in find_control_column_errors(report_type, described)
    ]:
        return DatabaseFindings(errors)
    columns = tuple(ColumnSpec.model_validate({"name": column.name}) for column in described)
    control = control.model_copy(update={"columns": columns})
    used = find_parameters(control.query)
    for item in (item for item in control.filters if item.name in used):
        try:
            with as_reader(connection) as cursor:
                execute(cursor, control, "EXPLAIN SELECT", "", item)
        except QueryRejectedError as rejection:
            errors.append(rejection.diagnostic)
    return DatabaseFindings(errors or list(find_tenant_errors(connection, control)))


def _explain_rejection(
    connection: Connection[TupleRow], report_type: ReportType, rejection: QueryRejectedError
) -> DatabaseFindings:
    """Returns the error of a query; of one that lacks privileges, an error that names all of them."""
    if not rejection.is_permission:
        return DatabaseFindings([rejection.diagnostic])
    with as_reader(connection) as cursor:
        role = read_role(cursor.connection)
        grants = tuple(
            find_missing_grants(role, named_relations(cursor.connection, report_type.query), of_all_columns=True)
        )
    if not grants:  # a privilege of another kind, such as EXECUTE on a function
        return DatabaseFindings([rejection.diagnostic])
    found = rejection.diagnostic
    reason = found.message.partition(". ")[0]
    message = f"{reason}. Run as the owner of the tables: {' '.join(grants)}"
    return DatabaseFindings([Diagnostic(message, file=found.file, line=found.line)], grants)


def _find_column_errors(report_type: ReportType, types: Mapping[str, ColumnType]) -> Iterator[Diagnostic]:
    described = {column.name: column for column in report_type.columns}
    for index, column in enumerate(report_type.columns):
        if column.name not in types:
            message = f"Column '{column.name}': query.sql does not return this column. {suggest(column.name, types)}"
            yield Diagnostic(message, ("columns", index, "name"))
        elif not types[column.name].fits(column.kind):
            yield Diagnostic(_type_message(column.name, column.kind, types[column.name]), ("columns", index, "kind"))
    for name in types:
        if name not in described:
            line = f'{toml_key(name)} = "{types[name].kind}"'
            message = f"Column '{name}' is not in report.toml. Add {line} to [columns], or remove it from the query."
            yield Diagnostic(message, file="query.sql", line=_line_of_word(report_type.query, name))


def _find_duplicate_columns(query: str, returned: list[ReturnedColumn]) -> Iterator[Diagnostic]:
    names = [column.name for column in returned]
    for name in sorted({name for name in names if names.count(name) > 1}):
        message = f"Two columns have the name '{name}'. Rename one with AS."
        yield Diagnostic(message, file="query.sql", line=_line_of_word(query, name))


def _type_message(name: str, kind: str, returned: ColumnType) -> str:
    """Returns the message for a kind that does not hold the type. It never advises a cast, which may lose digits."""
    remedy = f'Write kind = "{returned.kind}".'
    return f"Column '{name}': `kind` is {kind!r}, but query.sql returns {returned.name}. {remedy}"


def toml_key(name: str) -> str:
    """Returns a name as a key of TOML, quoted where it must be. A basic string of TOML has the escapes of JSON."""
    if re.fullmatch(r"[A-Za-z0-9_-]+", name):
        return name
    return json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007F")


def _line_of_word(query: str, word: str) -> int:
    """Returns the line of the first `AS name`, or of the first occurrence of the name; 1 if it does not occur."""
    for pattern in (rf"\bAS\s+\"?{re.escape(word)}\b", rf"\b{re.escape(word)}\b"):
        if found := re.search(pattern, query, re.IGNORECASE):
            return query.count("\n", 0, found.end()) + 1
    return 1
