"""Going on after a row: the condition that the rows after it meet, in ascending order with NULLs last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from resma.report.rows import Row


@dataclass(frozen=True)
class Key:
    """A row's cells of the columns that a report is sorted by. `types` are the database's names of their types."""

    columns: Sequence[str]
    types: Sequence[str]
    cells: Row

    def matches(self) -> sql.Composed:
        """Met by the row itself, and by any other that can't be told from it."""
        return sql.SQL(" AND ").join(self._equals(at) for at in range(len(self.cells)))

    def comes_after(self, *, nulls: bool) -> sql.Composed:
        """Met by the rows after it. `nulls` is whether the first column may hold some.

        Column by column, as NULLs need. The bound on the first column alone says nothing new, but an index can use it.
        """
        steps = [
            sql.SQL(" AND ").join([*(self._equals(before) for before in range(at)), self._greater(at, nulls=True)])
            for at in range(len(self.cells))
            if self.cells[at] is not None  # nothing comes after NULL
        ]
        after = sql.SQL("({})").format(sql.SQL(" OR ").join(steps)) if steps else sql.SQL("false")
        if self.cells[0] is None:
            return sql.SQL("{} IS NULL AND {}").format(self._column(0), after)
        if nulls:
            return sql.Composed([after])
        return sql.SQL("{} >= {} AND {}").format(self._column(0), self._value(0), after)

    def values(self) -> dict[str, str]:
        """What is bound."""
        return {_name(at): cell.decode() for at, cell in enumerate(self.cells) if cell is not None}

    def _equals(self, at: int) -> sql.Composed:
        if self.cells[at] is None:
            return sql.SQL("{} IS NULL").format(self._column(at))
        return sql.SQL("{} = {}").format(self._column(at), self._value(at))

    def _greater(self, at: int, *, nulls: bool) -> sql.Composed:
        greater = sql.SQL("{} > {}").format(self._column(at), self._value(at))
        return sql.SQL("({} OR {} IS NULL)").format(greater, self._column(at)) if nulls else greater

    def _column(self, at: int) -> sql.Composed:
        return sql.SQL("report.{}").format(sql.Identifier(self.columns[at]))

    def _value(self, at: int) -> sql.Composed:
        # The type's name comes from the database, and can't be bound.
        return sql.SQL("{}::{}").format(sql.Placeholder(_name(at)), sql.SQL(self.types[at]))


def _name(at: int) -> str:
    """Of a bound value: no filter's name has a full stop."""
    return f"resma.key_{at}"


def types_of(
    connection: Connection[TupleRow], query: sql.Composable, values: Mapping[str, object], columns: Sequence[str]
) -> list[str]:
    """The database's names of these columns' types, as a cast takes them."""
    names = sql.SQL(", ").join(sql.SQL("report.{}").format(sql.Identifier(name)) for name in columns)
    described = connection.execute(
        sql.SQL("SELECT {} FROM ({}) AS report LIMIT 0").format(names, query), values
    ).description
    assert described is not None
    oids = [column.type_code for column in described]
    # -1: without a length, and `bpchar` instead of `character`, which would be one character.
    found = connection.execute(
        "SELECT format_type(oid, -1) FROM unnest(%s::oid[]) WITH ORDINALITY AS t (oid, place) ORDER BY place", (oids,)
    )
    return [str(name) for (name,) in found]
