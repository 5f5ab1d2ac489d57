"""The rows that all measure on: the report TRANSACTIONS of the demo bank, in the report's order."""

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
"""What peers fetch at a time through a server-side cursor: psycopg's own 100 would make them slower."""


@dataclass(frozen=True)
class Source:
    """A connection, its URL for clients that are not psycopg, and how many of the report's rows to read.

    All rows where `limit` is None.
    """

    connection: Connection[TupleRow]
    url: str
    limit: int | None = None

    @property
    def report_type(self) -> ReportType:
        """The catalog's description of the columns."""
        return find_report_type(REPORT_TYPE)

    @property
    def names(self) -> list[str]:
        """The columns' names."""
        return [column.name for column in self.report_type.columns]

    @property
    def headings(self) -> list[str]:
        """What people read above the columns."""
        return [column.heading.in_language("en") for column in self.report_type.columns]

    @property
    def query(self) -> sql.Composed:
        """The report's query, sorted, with `values` to bind."""
        return self._query({})

    def literal_query(self, casts: Mapping[str, str]) -> str:
        """The same query with its values written into it, for clients that are not psycopg.

        `casts` gives the Postgres type of columns whose own type such a client does not know.
        """
        return psycopg.ClientCursor(self.connection).mogrify(self._query(casts), self.values)

    def _query(self, casts: Mapping[str, str]) -> sql.Composed:
        report = self.report_type
        query = sql.SQL("SELECT {columns} FROM ({query}) AS report ORDER BY {sort}").format(
            columns=sql.SQL(", ").join(_column(name, casts.get(name)) for name in self.names),
            query=sql.SQL(report.query),
            sort=sql.SQL(", ").join(sql.SQL("report.{}").format(sql.Identifier(name)) for name in report.sort),
        )
        return query if self.limit is None else query + sql.SQL(" LIMIT {}").format(sql.Literal(self.limit))

    @property
    def values(self) -> dict[str, Any]:
        """No filter is set."""
        return {**{item.name: None for item in self.report_type.filters}, "tenant_id": TENANT}

    def rows(self) -> Iterator[TupleRow]:
        """Every row as Python values, through a server-side cursor."""
        with psycopg.ServerCursor(self.connection, "bench") as cursor:
            cursor.itersize = FETCH_ROWS
            yield from cursor.execute(self.query, self.values)

    def batches(self, size: int) -> Iterator[list[TupleRow]]:
        """The same, up to `size` rows at a time."""
        with psycopg.ServerCursor(self.connection, "bench") as cursor:
            cursor.execute(self.query, self.values)
            while batch := cursor.fetchmany(size):
                yield batch

    def texts(self) -> Iterator[list[str]]:
        """Every row as people read it, for pages: amounts with thousands apart, times without their zone."""
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
    """Connects as a report does: for the last row, not the first, and in UTC."""
    connection = psycopg.connect(url, application_name="bench")
    connection.execute("SET cursor_tuple_fraction = 1; SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'")
    connection.commit()
    return Source(connection, url, limit)
