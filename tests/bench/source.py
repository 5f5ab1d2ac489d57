"""The rows of all measurements: those of the report TRANSACTIONS of the demo bank, in the report's order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from resma.catalog import ReportType, find_report_type

REPORT_TYPE = "TRANSACTIONS"
TENANT = "demo"

FETCH_ROWS = 2000
"""Rows that peers fetch at once through a server-side cursor: psycopg's default of 100 would make them slower."""


@dataclass(frozen=True)
class Source:
    """A connection, its URL for clients other than psycopg, and the number of rows to read (None: all)."""

    connection: Connection[TupleRow]
    url: str
    limit: int | None = None

    @property
    def report_type(self) -> ReportType:
        """The report type, with its columns."""
        return find_report_type(REPORT_TYPE)

    @property
    def names(self) -> list[str]:
        """The columns' names."""
        return [column.name for column in self.report_type.columns]

    @property
    def headings(self) -> list[str]:
        """The headings of the columns."""
        return [column.heading.in_language("en") for column in self.report_type.columns]

    @property
    def query(self) -> sql.Composed:
        """The report's query, sorted, with `values` to bind."""
        return self._query({})

    def literal_query(self, casts: Mapping[str, str]) -> str:
        """Returns the query with its values as literals, for clients other than psycopg.

        `casts` has Postgres types for columns whose own type such a client does not support.
        """
        return psycopg.ClientCursor(self.connection).mogrify(self._query(casts), self.values)

    def _query(self, casts: Mapping[str, str]) -> sql.Composed:
        report = self.report_type
        query = sql.SQL("SELECT {columns} FROM ({query}) AS report ORDER BY {sort}").format(
            columns=sql.SQL(", ").join(_column(name, casts.get(name)) for name in self.names),
            query=sql.SQL(report.query),
            sort=sql.SQL(", ").join(sql.SQL("report.{}").format(sql.Identifier(name)) for name in report.sort_names),
        )
        return query if self.limit is None else query + sql.SQL(" LIMIT {}").format(sql.Literal(self.limit))

    @property
    def values(self) -> dict[str, Any]:
        """The query's values, without any filter."""
        return {**{item.name: None for item in self.report_type.filters}, "tenant_id": TENANT}

    def rows(self) -> Iterator[TupleRow]:
        """Yields every row as Python values, through a server-side cursor."""
        with psycopg.ServerCursor(self.connection, "bench") as cursor:
            cursor.itersize = FETCH_ROWS
            yield from cursor.execute(self.query, self.values)

    def batches(self, size: int) -> Iterator[list[TupleRow]]:
        """Yields the rows in lists of up to `size`, through a server-side cursor."""
        with psycopg.ServerCursor(self.connection, "bench") as cursor:
            cursor.execute(self.query, self.values)
            while batch := cursor.fetchmany(size):
                yield batch

    def texts(self) -> Iterator[list[str]]:
        """Yields every row as formatted strings, with grouped thousands, and timestamps without their time zone."""
        kinds = [column.kind for column in self.report_type.columns]
        for row in self.rows():
            yield [
                ""
                if value is None
                else f"{value:,.2f}"
                if kind == "amount"
                else f"{value:%Y-%m-%d %H:%M:%S}"
                if kind == "timestamp"
                else str(value)
                for value, kind in zip(row, kinds, strict=True)
            ]


def _column(name: str, cast: str | None) -> sql.Composable:
    column = sql.SQL("report.{}").format(sql.Identifier(name))
    if cast is None:
        return column
    return sql.SQL("{}::{} AS {}").format(column, sql.SQL(cast), sql.Identifier(name))


def open_source(url: str, limit: int | None = None) -> Source:
    """Connects with a report's settings: planned for all rows (`cursor_tuple_fraction`), and in UTC."""
    connection = psycopg.connect(url, application_name="bench")
    connection.execute("SET cursor_tuple_fraction = 1; SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'")
    connection.commit()
    return Source(connection, url, limit)
