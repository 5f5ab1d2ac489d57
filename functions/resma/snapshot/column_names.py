"""Names of a query's columns in SQL. They may be any names of Postgres, such as `Order Date` or `growth %`."""

from __future__ import annotations

from psycopg import sql


def column_of_report(name: str) -> sql.Composed:
    """Returns the reference to a column of the query, whose alias is `report`: `report."Order Date"`.

    It is for statements that are executed with parameters: a percent sign is doubled, because psycopg reads one as a
    parameter in quotes also.
    """
    return sql.SQL("report.{}").format(sql.Identifier(name.replace("%", "%%")))
