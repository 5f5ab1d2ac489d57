"""Conditions for a range of keys of a split report, which Postgres can evaluate with an index on the first column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from resma.catalog import SortKey
from resma.report.rows import Row
from resma.snapshot.keyset import Key

Cells = Row
"""Cells of a key in the columns that a report is split by, as Postgres prints them; None for NULL."""


@dataclass(frozen=True)
class KeyRange:
    """Keys from `first_key` to `last_key`, both included; if `after_key` is set, only those after it."""

    columns: Sequence[SortKey]
    types: Sequence[str]
    """Names of the columns' SQL types (`keyset.types_of`)."""
    first_key: Cells
    last_key: Cells
    after_key: Cells | None = None

    def condition(self) -> sql.Composed:
        """Returns the condition that selects the rows of these keys."""
        # NULLs are at one end of the order: in the range only if they are its end.
        return sql.SQL("({}) AND ({})").format(
            self._start().comes_after(nulls=self.last_key[0] is None, inclusive=self.after_key is None),
            self._end().comes_after(nulls=self.first_key[0] is None, inclusive=True),
        )

    def values(self) -> dict[str, str]:
        """Returns the parameters of the condition."""
        return self._start().values() | self._end().values()

    def _start(self) -> Key:
        return Key(self.columns, self.types, self.first_key if self.after_key is None else self.after_key, "start")

    def _end(self) -> Key:
        """Returns the key that the range comes after in the reverse order."""
        reverse = [SortKey(name=key.name, descending=not key.descending) for key in self.columns]
        return Key(reverse, self.types, self.last_key, "end")
