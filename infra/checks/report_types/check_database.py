"""A report type's query tried in a database, as the role that reports run as: planned, never run."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import Connection, Cursor, sql
from psycopg.rows import TupleRow

from infra.checks.report_types.decimal_digits import find_decimal_mistakes, find_decimal_notes
from resma.catalog import Diagnostic, Filter, ReportType
from resma.catalog.diagnostics import suggest
from resma.catalog.query_text import TENANT, find_parameters
from resma.report.header import Kind
from resma.snapshot.snapshot import described_decimals
from resma.snapshot.summary_query import MAX_LABELS

READER = "resma_reader"

MAX_DISTINCT = 1000
"""Values of a column of charts or totals above which there is a note. The planner assumes 200 of an unknown column."""

_TYPES: dict[Kind, tuple[str, ...]] = {
    "text": ("text", "character varying", "character", "name"),
    "integer": ("bigint", "integer", "smallint"),
    "amount": ("numeric",),
    "date": ("date",),
    "timestamp": ("timestamp with time zone",),
    "json": ("jsonb", "json"),
}
_CASTS: dict[Kind, str] = {
    "text": "text",
    "integer": "bigint",
    "amount": "numeric",
    "date": "date",
    "timestamp": "timestamptz",
    "json": "jsonb",
}
_REMEDIES = {
    "42P01": "mend the name, or make it in a migration",
    "42P18": "say what it is, like %(name)s::text or ::date",
    "42501": f"GRANT SELECT ON it TO {READER}, in a migration",
    "42883": "cast one side to the other's type",
    "42804": "cast one side to the other's type",
    "22P02": "cast it to what the filter holds",
    "22007": "cast it to what the filter holds",
}


class _Refused(Exception):
    """The database's error, as a mistake."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.says)
        self.diagnostic = diagnostic


def find_database_mistakes(connection: Connection[TupleRow], report_type: ReportType) -> list[Diagnostic]:
    """What the database says of the query: its own errors, and columns that report.toml describes differently.

    The query is planned with no filter set, then with each alone; what is required is always set.
    `connection` must be in autocommit mode; what is done is rolled back.
    """
    try:
        with _as_reader(connection) as cursor:
            _ask(cursor, report_type, "SELECT *", "LIMIT 0")
            found = [(column.name, column.type_code) for column in cursor.description or ()]
            decimals = described_decimals(cursor.description)
            types = {name: _type_name(cursor, code) for name, code in found}
    except _Refused as refused:
        return [refused.diagnostic]
    if len(types) < len(found):
        return list(_repeated_mistakes(report_type.query, [name for name, _ in found]))
    if diagnostics := list(_column_mistakes(report_type, types)):
        return diagnostics
    diagnostics += find_decimal_mistakes(report_type, decimals)
    for item in (None, *report_type.filters):
        try:
            with _as_reader(connection) as cursor:
                _ask(cursor, report_type, "EXPLAIN SELECT", _order(report_type), item)
        except _Refused as refused:
            diagnostics.append(refused.diagnostic)
            if item is None:
                break
    return diagnostics


def find_notes(connection: Connection[TupleRow], report_type: ReportType) -> list[Diagnostic]:
    """Notes, which are no mistakes: rows that must be sorted, amounts without a type, charts of many values."""
    return [
        *_find_sort(connection, report_type),
        *_find_amounts_without_type(connection, report_type),
        *_find_many_values(connection, report_type),
    ]


def _find_amounts_without_type(connection: Connection[TupleRow], report_type: ReportType) -> list[Diagnostic]:
    with _as_reader(connection) as cursor:
        _ask(cursor, report_type, "SELECT *", "LIMIT 0")
        return list(find_decimal_notes(report_type, described_decimals(cursor.description)))


def _find_many_values(connection: Connection[TupleRow], report_type: ReportType) -> Iterator[Diagnostic]:
    """Columns of charts and totals with many distinct values, as the planner estimates them (pg_stats.n_distinct)."""
    places: list[tuple[str, tuple[str | int, ...], str]] = [
        (chart.by, ("charts", index, "by"), f"all but the largest {MAX_LABELS} are lumped into one value of the chart")
        for index, chart in enumerate(report_type.charts)
        if chart.kind != "time"
    ]
    if report_type.totals:
        says = "a report has a total for each, and its files list the largest only"
        places.append((report_type.totals.currency, ("totals", "currency"), says))
    for name, at, consequence in places:
        with _as_reader(connection) as cursor:
            _ask(cursor, report_type, "EXPLAIN (FORMAT JSON) SELECT DISTINCT", "", names=[name])
            estimated = int(cursor.fetchall()[0][0][0]["Plan"]["Plan Rows"])
        if estimated > MAX_DISTINCT:
            yield Diagnostic(
                f"column {name} has about {estimated:,} different values: {consequence}. Choose a column with fewer.",
                at,
            )


def _find_sort(connection: Connection[TupleRow], report_type: ReportType) -> list[Diagnostic]:
    with _as_reader(connection) as cursor:
        # An empty table's cheapest plan says nothing: so it is asked whether there is any plan without a sort.
        for way in ("sort", "incremental_sort", "seqscan", "bitmapscan"):
            cursor.execute(sql.SQL("SET LOCAL {} = off").format(sql.Identifier(f"enable_{way}")))
        _ask(cursor, report_type, "EXPLAIN (FORMAT JSON) SELECT", _order(report_type))
        plan = cursor.fetchall()[0][0][0]["Plan"]
    if not _sorts_rows(plan):
        return []
    says = f"no index gives the rows in the order of sort ({', '.join(report_type.sort)}): each report sorts them first"
    return [Diagnostic(says, ("sort",))]


@contextlib.contextmanager
def _as_reader(connection: Connection[TupleRow]) -> Iterator[Cursor[TupleRow]]:
    with connection.transaction(force_rollback=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = '10s'")
        cursor.execute("SELECT current_user <> %s", [READER])
        if cursor.fetchall()[0][0]:
            cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(READER)))
        yield cursor


def _sample(item: Filter) -> Any:
    """A value that the filter takes, as JSON."""
    if item.kind == "choice":
        return list(item.choices)
    if item.default is not None:
        return item.default
    values = {"date": "2024-02-29", "text": "x", "integer": 1, "amount": "1.50"}
    return next((value for value in (item.minimum, item.maximum) if value is not None), values[item.kind])


def _ask(  # noqa: PLR0913, PLR0917  # the query's parts
    cursor: Cursor[TupleRow],
    report_type: ReportType,
    head: str,
    tail: str,
    chosen: Filter | None = None,
    names: Sequence[str] | None = None,
) -> None:
    """Sends the query inside another one, as reports do, with what is required and `chosen` set. Raises _Refused."""
    names = [column.name for column in report_type.columns] if names is None else names
    columns = "" if head.endswith("*") else ", ".join(f"report.{name}" for name in names)
    # The query's first line is the second of this text.
    text = f"{head} {columns} FROM (\n{report_type.query}) AS report {tail}"
    values = {item.name: _sample(item) if item.required or item is chosen else None for item in report_type.filters}
    try:
        cursor.execute(text.encode(), {**values, TENANT: "demo"})
    except psycopg.Error as error:
        if error.sqlstate is None:  # not refused: the connection is gone
            raise
        raise _Refused(_database_mistake(error, report_type, text, chosen)) from error


def _database_mistake(error: psycopg.Error, report_type: ReportType, text: str, chosen: Filter | None) -> Diagnostic:
    """The server's error at its line in query.sql: its position counts characters of the text that psycopg made."""
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
    remedy = error.diag.message_hint or _REMEDIES.get(error.sqlstate or "", "mend it")
    when = f"with filter {chosen.name} set: " if chosen else ""
    return Diagnostic(f"{when}{message}: {remedy}", file="query.sql", line=line)


def _column_mistakes(report_type: ReportType, types: Mapping[str, str]) -> Iterator[Diagnostic]:
    described = {column.name: column for column in report_type.columns}
    for index, column in enumerate(report_type.columns):
        if column.name not in types:
            remedy = suggest(column.name, types)
            says = f"column {column.name}: query.sql returns no such column: {remedy}"
            yield Diagnostic(says, ("columns", index, "name"))
        elif types[column.name] not in _TYPES[column.kind]:
            yield Diagnostic(_type_words(column.name, column.kind, types[column.name]), ("columns", index, "kind"))
    for name in types:
        if name not in described:
            says = f"column {name} is not in report.toml: describe it there, or leave it out of the query"
            yield Diagnostic(says, file="query.sql", line=_line_of_word(report_type.query, name))


def _repeated_mistakes(query: str, names: list[str]) -> Iterator[Diagnostic]:
    for name in {name for name in names if names.count(name) > 1}:
        says = f"two columns are called {name}: give each a name of its own, with AS"
        yield Diagnostic(says, file="query.sql", line=_line_of_word(query, name))


def _type_words(name: str, kind: Kind, found: str) -> str:
    says = f"column {name}: kind is {kind!r}, but query.sql returns {found}: "
    if (fitting := [kind for kind, types in _TYPES.items() if found in types]) and fitting[0] != "text":
        return f'{says}make it kind = "{fitting[0]}", or cast it ::{_CASTS[kind]}'
    return f"{says}cast it ::{_CASTS[kind]}"


def _line_of_word(query: str, word: str) -> int:
    """Where a column most likely gets its name: at the first `AS name`, or wherever the word is first."""
    for pattern in (rf"\bAS\s+\"?{re.escape(word)}\b", rf"\b{re.escape(word)}\b"):
        if found := re.search(pattern, query, re.IGNORECASE):
            return query.count("\n", 0, found.end()) + 1
    return 1


def _sorts_rows(plan: Mapping[str, Any]) -> bool:
    """Whether rows are sorted. Groups are not counted: what was added up is little, and has no index."""
    if "Aggregate" in plan["Node Type"]:
        return False
    if "Sort" in plan["Node Type"] and not any(map(_aggregates, _inputs(plan))):
        return True
    # Of parts that are merged some may be a row or two: what matters is that one comes in order.
    enough = all if plan["Node Type"] == "Merge Append" else any
    return enough(map(_sorts_rows, _inputs(plan)))


def _aggregates(plan: Mapping[str, Any]) -> bool:
    return "Aggregate" in plan["Node Type"] or any(map(_aggregates, _inputs(plan)))


def _inputs(plan: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The nodes whose rows it takes; not those that work out a single value."""
    parts = plan.get("Plans", [])
    return [part for part in parts if part["Parent Relationship"] not in {"InitPlan", "SubPlan"}]


def _order(report_type: ReportType) -> str:
    return "ORDER BY " + ", ".join(f"report.{name}" for name in report_type.sort)


def _type_name(cursor: Cursor[TupleRow], code: int) -> str:
    cursor.execute("SELECT format_type(%s::oid, NULL)", [code])
    return str(cursor.fetchall()[0][0])
