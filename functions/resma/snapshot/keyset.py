"""Keyset conditions for resuming after a row: they select the rows after it, in ascending order with NULLs last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from resma.report.rows import Row


@dataclass(frozen=True)
class Key:
    """Key of a row: its cells in the columns that a report is sorted by. `types` are the names of their SQL types."""

    columns: Sequence[str]
    types: Sequence[str]
    cells: Row

    def matches(self) -> sql.Composed:
        """Returns the condition that selects the row itself, and any other row with the same key."""
        return sql.SQL(" AND ").join(self._equals(at) for at in range(len(self.cells)))

    def comes_after(self, *, nulls: bool) -> sql.Composed:
        """Returns the condition that selects the rows after it. `nulls` says whether the first column may be NULL.

        It compares column by column, because of NULLs. The bound on the first column alone is redundant, but allows the
        use of an index.
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
        """Returns the parameters of the conditions."""
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
        # A type's name cannot be a parameter. It comes from the database.
        return sql.SQL("{}::{}").format(sql.Placeholder(_name(at)), sql.SQL(self.types[at]))


def _name(at: int) -> str:
    """Returns the name of a parameter. The period distinguishes it from names of filters."""
    return f"resma.key_{at}"


def types_of(
    connection: Connection[TupleRow], query: sql.Composable, values: Mapping[str, object], columns: Sequence[str]
) -> list[str]:
    """Returns the names of these columns' SQL types, in a form that casts accept."""
    names = sql.SQL(", ").join(sql.SQL("report.{}").format(sql.Identifier(name)) for name in columns)
    described = connection.execute(
        sql.SQL("SELECT {} FROM ({}) AS report LIMIT 0").format(names, query), values
    ).description
    assert described is not None
    oids = [column.type_code for column in described]
    # -1 returns types without a length, and `bpchar` instead of `character`, which means a single character.
    rows = connection.execute(
        "SELECT format_type(oid, -1) FROM unnest(%s::oid[]) WITH ORDINALITY AS t (oid, nth) ORDER BY nth", (oids,)
    )
    return [str(name) for (name,) in rows]
