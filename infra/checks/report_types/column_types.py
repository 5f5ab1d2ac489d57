"""Types of the columns that a query returns, and the kinds that show them without a cast in the query."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, Cursor
from psycopg.rows import TupleRow

from resma.report.header import Kind
from resma.report.kinds import can_hold, kind_of_type


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A type of Postgres. Domains are replaced by their base type, as in the description of a result."""

    oid: int
    name: str
    """Name in messages and casts, such as `character varying` or `sales.state`."""
    category: str
    """pg_type.typtype: `e` is an enum, `c` a row type."""
    has_order: bool
    """Whether Postgres can sort values of the type."""

    @property
    def kind(self) -> Kind:
        """The kind that shows every value of the type."""
        return kind_of_type(self.name, is_composite=self.category == "c")

    def fits(self, kind: Kind) -> bool:
        """Returns whether a column of the kind can show every value of the type."""
        return can_hold(kind, self.name, is_composite=self.category == "c")


@dataclass(frozen=True, slots=True)
class ReturnedColumn:
    """One column of the result of a query."""

    name: str
    type: ColumnType
    table: int
    """OID of the table or view whose column it is; 0 for an expression."""
    attribute: int
    """Number of the column in that table; 0 for an expression."""


def describe_columns(cursor: Cursor[TupleRow]) -> list[ReturnedColumn]:
    """Returns the columns of the cursor's result. The names of types are read with the same connection."""
    result, described = cursor.pgresult, cursor.description
    assert result is not None
    assert described is not None
    types = find_types(cursor.connection, [column.type_code for column in described])
    return [
        ReturnedColumn(column.name, types[column.type_code], result.ftable(index), result.ftablecol(index))
        for index, column in enumerate(described)
    ]


def find_types(connection: Connection[Any], oids: Iterable[int]) -> dict[int, ColumnType]:
    """Returns types by OID."""
    return {oid: ColumnType(*row) for oid, *row in connection.execute(_TYPES, [list(set(oids))])}


_TYPES = """
    WITH RECURSIVE based (oid, base) AS (
        SELECT oid, oid FROM unnest(%s::oid[]) AS t (oid)
        UNION ALL
        SELECT based.oid, t.typbasetype FROM based JOIN pg_catalog.pg_type AS t ON t.oid = based.base
        WHERE t.typtype = 'd'
    )
    SELECT based.oid::bigint, t.oid::bigint, pg_catalog.format_type(t.oid, NULL), t.typtype::text,
           EXISTS (
               SELECT FROM pg_catalog.pg_opclass AS o JOIN pg_catalog.pg_am AS m ON m.oid = o.opcmethod
               WHERE m.amname = 'btree' AND o.opcdefault AND (
                   o.opcintype = t.oid
                   OR (t.typtype = 'e' AND o.opcintype = 'pg_catalog.anyenum'::regtype)
                   OR (t.typtype = 'r' AND o.opcintype = 'pg_catalog.anyrange'::regtype)
                   OR EXISTS (SELECT FROM pg_catalog.pg_cast AS c WHERE c.castsource = t.oid
                              AND c.casttarget = o.opcintype AND c.castmethod = 'b' AND c.castcontext = 'i')
               )
           )
    FROM based JOIN pg_catalog.pg_type AS t ON t.oid = based.base
    WHERE t.typtype <> 'd'
"""
