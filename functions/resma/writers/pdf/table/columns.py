"""Converts columns of cells to page content: the performance-critical code, with 4.5 million cells for 500,000 rows.

C code processes many cells at once. Only cells that it cannot process (too wide, or with characters beyond
Windows-1252) are processed one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from resma.i18n.locales import Locale
from resma.writers.pdf.layout import Cell, Layout
from resma.writers.pdf.table.display import DisplayedColumn, display_of
from resma.writers.pdf.table.left_column import LeftColumn
from resma.writers.pdf.table.right_column import RightColumn
from resma.writers.pdf.text.unicode import WideText

Cells = Sequence[bytes | None]


class ColumnBlocks(Protocol):
    """Interface of columns."""

    def blocks(self, cells: Cells) -> list[bytes]:
        """Returns page content for the cells of each page. All pages but the last have one cell for each slot."""
        ...


def make_column(cell: Cell, layout: Layout, locale: Locale, wide: WideText) -> ColumnBlocks:
    """Creates the column for a cell's alignment and kind."""
    make = RightColumn if cell.is_right else LeftColumn
    column: ColumnBlocks = make(cell, layout, locale, wide)
    display = display_of(cell.column, locale)
    return DisplayedColumn(column, display) if display else column
