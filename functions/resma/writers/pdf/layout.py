"""Where things stand on a table page: A4 landscape, fifty rows. Points, from the lower left corner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from resma.catalogue import Column

PAGE_WIDTH = 841.89
PAGE_HEIGHT = 595.28
ROWS_A_PAGE = 50

MARGIN = 30.0
LEADING = 10.0
SIZE = 7.0
PADDING = 3.5
"""Free space on either side of a column's text."""

TITLE_BASELINE = 567.0
HEADINGS_TOP = 557.0
HEADINGS_HEIGHT = 15.0
ROWS_TOP = HEADINGS_TOP - HEADINGS_HEIGHT
ROWS_BOTTOM = ROWS_TOP - ROWS_A_PAGE * LEADING
FOOT_BASELINE = 24.0
DROP = 7.4
"""From the top of a row to its baseline."""
FIRST_LINE = ROWS_TOP - DROP + LEADING
"""A line above the first baseline: each row moves down before it shows (T*)."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A column's place on the page: its left and right edge, padding included."""

    column: Column
    left: float
    right: float

    @property
    def text_width(self) -> float:
        return self.right - self.left - 2 * PADDING

    @property
    def is_right(self) -> bool:
        return self.column.align == "right"


def cells(columns: Sequence[Column]) -> list[Cell]:
    """The page's width, shared out by the columns' `width`."""
    unit = (PAGE_WIDTH - 2 * MARGIN) / sum(column.width for column in columns)
    placed = []
    left = MARGIN
    for column in columns:
        right = left + column.width * unit
        placed.append(Cell(column, round(left, 2), round(right, 2)))
        left = right
    return placed
