"""A query in a file, as Postgres describes it: parameters and columns. It is prepared, and never executed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import psycopg
from psycopg import Connection
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult
from psycopg.rows import TupleRow

from infra.checks.report_types.column_types import ColumnType, ReturnedColumn, find_types
from infra.checks.report_types.execute import INDETERMINATE_DATATYPE, PERMISSION_DENIED, cast_remedy
from infra.errors import StackError
from resma.catalog.query_text import find_parameters


class QueryRejectedError(StackError):
    """The database does not accept the query. The message has the line."""

    code = "query-rejected"

    def __init__(self, message: str, *, is_permission: bool = False) -> None:
        super().__init__(message)
        self.is_permission = is_permission
        """Whether the role lacks a privilege."""


@dataclass(frozen=True, slots=True)
class DescribedQuery:
    """A query with its parameters and columns."""

    text: str
    """The query as it is written to query.sql."""
    columns: tuple[ReturnedColumn, ...]
    precisions: tuple[int | None, ...]
    """Number of digits of each column of type numeric(precision, scale); None for the others."""
    parameters: Mapping[str, ColumnType]


def clean_query(text: str) -> str:
    """Returns the text of a file as a query of a catalog: without a semicolon at its end.

    If it has no parameters, its percent signs are doubled, because a person has written it for psql.
    """
    query = re.sub(r"(\s*;)+\s*$", "", text).strip() + "\n"
    return query if find_parameters(query) or "%%" in query else query.replace("%", "%%")


def describe_query(connection: Connection[TupleRow], query: str, file: str) -> DescribedQuery:
    """Describes the query. Needs no privilege on its tables, except USAGE of their schemas.

    Raises QueryRejectedError.
    """
    numbers: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        return numbers.setdefault(found[1], f"${len(numbers) + 1}") if found[1] else "%"

    sent = re.sub(r"%\((\w+)\)s|%%", number, query)
    wire = connection.pgconn
    result = wire.prepare(b"", sent.encode())
    if result.status == ExecStatus.COMMAND_OK:
        result = wire.describe_prepared(b"")
    if result.status != ExecStatus.COMMAND_OK:
        raise _rejection(result, sent, file, numbers)
    return _described(connection, query, result, list(numbers))


def _described(connection: Connection[TupleRow], query: str, result: PGresult, names: list[str]) -> DescribedQuery:
    fields = range(result.nfields)
    codes = [result.ftype(index) for index in fields]
    given = [result.param_type(index) for index in range(result.nparams)]
    types = find_types(connection, [*codes, *given])
    columns = tuple(
        ReturnedColumn(
            (result.fname(index) or b"").decode(), types[codes[index]], result.ftable(index), result.ftablecol(index)
        )
        for index in fields
    )
    precisions = tuple(
        (result.fmod(index) - 4) >> 16 if codes[index] == _NUMERIC and result.fmod(index) >= 4 else None
        for index in fields
    )
    return DescribedQuery(
        query, columns, precisions, {name: types[oid] for name, oid in zip(names, given, strict=True)}
    )


_NUMERIC = psycopg.adapters.types["numeric"].oid


def _rejection(result: PGresult, sent: str, file: str, numbers: Mapping[str, str]) -> QueryRejectedError:
    error = psycopg.errors.error_from_result(result)
    text = error.diag.message_primary or str(error)
    for name, number in numbers.items():
        text = re.sub(rf"{re.escape(number)}(?!\d)", f"%({name})s", text)
    line = sent.count("\n", 0, int(error.diag.statement_position or 1) - 1) + 1
    if error.sqlstate == PERMISSION_DENIED:
        return QueryRejectedError(f"{file}:{line}: {text}.", is_permission=True)
    is_untyped = error.sqlstate == INDETERMINATE_DATATYPE
    remedy = cast_remedy(text) if is_untyped else error.diag.message_hint or "Correct the query."
    return QueryRejectedError(f"{file}:{line}: {text}. {remedy}")
