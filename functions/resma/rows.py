"""Rows on their way from the cursor to a writer: text as Postgres prints it, a column at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows, turned on their side.

    `columns[c][r]` is the text of column `c` in row `r` as Postgres prints it (`datestyle` ISO, time zone
    UTC), or None for NULL. Postgres text never holds NUL, so writers may use it as a separator.
    """

    columns: tuple[Sequence[str | None], ...]
    rows: int
