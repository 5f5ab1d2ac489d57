"""Keyset conditions for resuming after a row: they select the rows after it.

NULLs are last in an ascending column, and first in a descending one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from resma.catalog import ReportType, SortKey
from resma.errors import CheckpointUnusableError
from resma.report.rows import Row
from resma.snapshot.column_names import column_of_report
from resma.snapshot.report_query import catalog_query


@dataclass(frozen=True)
class Key:
    """Key of a row: its cells in the columns that a report is sorted by, or in the first of them.

    `types` are the names of their SQL types. `name` is part of the names of its parameters, so that a statement can
    have several keys.
    """

    columns: Sequence[SortKey]
    types: Sequence[str]
    cells: Row
    name: str = "key"

    def matches(self) -> sql.Composed:
        """Returns the condition that selects the row itself, and any other row with the same key."""
        return sql.SQL(" AND ").join(self._equals(at) for at in range(len(self.cells)))

    def comes_after(self, *, nulls: bool, inclusive: bool = False) -> sql.Composable:
        """Returns the condition that selects the rows after it. `nulls` says whether the first column may be NULL.

        `inclusive` selects the rows with this key also. The condition compares column by column, because of NULLs. The
        bound on the first column alone is redundant, but allows the use of an index.
        """
        steps = [
            sql.SQL(" AND ").join([*(self._equals(before) for before in range(at)), self._after(at)])
            for at in range(len(self.cells))
            if self.cells[at] is not None or self.columns[at].descending  # nothing comes after a NULL that is last
        ]
        if inclusive:
            steps.append(self.matches())
        after = sql.SQL("({})").format(sql.SQL(" OR ").join(steps)) if steps else sql.SQL("false")
        is_descending = self.columns[0].descending
        if self.cells[0] is None:
            return after if is_descending else sql.SQL("{} IS NULL AND {}").format(self._column(0), after)
        if nulls and not is_descending:
            return after
        bound = sql.SQL("{} <= {}" if is_descending else "{} >= {}").format(self._column(0), self._value(0))
        return bound if inclusive and len(self.cells) == 1 and not nulls else sql.SQL("{} AND {}").format(bound, after)

    def values(self) -> dict[str, str]:
        """Returns the parameters of the conditions."""
        return {self._name(at): cell.decode() for at, cell in enumerate(self.cells) if cell is not None}

    def _equals(self, at: int) -> sql.Composed:
        if self.cells[at] is None:
            return sql.SQL("{} IS NULL").format(self._column(at))
        return sql.SQL("{} = {}").format(self._column(at), self._value(at))

    def _after(self, at: int) -> sql.Composed:
        """Returns the condition that the value of a column comes after the cell."""
        column = self._column(at)
        if not self.columns[at].descending:
            return sql.SQL("({0} > {1} OR {0} IS NULL)").format(column, self._value(at))
        if self.cells[at] is None:
            return sql.SQL("{} IS NOT NULL").format(column)
        return sql.SQL("{} < {}").format(column, self._value(at))

    def _column(self, at: int) -> sql.Composed:
        return column_of_report(self.columns[at].name)

    def _value(self, at: int) -> sql.Composed:
        # A type's name cannot be a parameter. It comes from the database.
        return sql.SQL("{}::{}").format(sql.Placeholder(self._name(at)), sql.SQL(self.types[at]))

    def _name(self, at: int) -> str:
        """Returns the name of a parameter. The period distinguishes it from names of filters."""
        return f"resma.{self.name}_{at}"


def rows_after(
    connection: Connection[TupleRow], report_type: ReportType, values: Mapping[str, object], cells: Row
) -> tuple[sql.Composable, dict[str, str]]:
    """Returns the condition that selects the rows after the one with this key, and its parameters.

    Raises CheckpointUnusableError if the number of rows with the key is not exactly one.
    """
    query, names = catalog_query(report_type), report_type.sort_names
    key = Key(report_type.sort, types_of(connection, query, values, names), cells)
    row = connection.execute(
        sql.SQL(
            "SELECT (SELECT count(*) FROM (SELECT FROM ({query}) AS report WHERE {matches} LIMIT 2) AS found),"
            " EXISTS (SELECT FROM ({query}) AS report WHERE {first} IS NULL)"
        ).format(query=query, matches=key.matches(), first=column_of_report(names[0])),
        {**values, **key.values()},
    ).fetchone()
    assert row is not None
    count, has_nulls = row
    if count != 1:
        raise CheckpointUnusableError(
            f"{'No row has' if not count else 'Several rows have'} the key of the last row that was read. The "
            f"columns in `sort` ({', '.join(names)}) must identify each row."
        )
    return key.comes_after(nulls=has_nulls), key.values()


def types_of(
    connection: Connection[TupleRow], query: sql.Composable, values: Mapping[str, object], columns: Sequence[str]
) -> list[str]:
    """Returns the names of these columns' SQL types, in a form that casts accept."""
    names = sql.SQL(", ").join(map(column_of_report, columns))
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
