"""Columns of cells to blocks of page content: the hot loop, 4.5 million cells for a report of 500,000 rows.

C code does many cells at once. What that cannot do (a text too wide, a character beyond Windows-1252) is done cell
by cell, and only to those cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from resma.i18n.locales import Locale
from resma.writers.pdf.layout import Cell, Layout
from resma.writers.pdf.table.left_column import LeftColumn
from resma.writers.pdf.table.right_column import RightColumn
from resma.writers.pdf.text.unicode import WideText

Cells = Sequence[bytes | None]


class ColumnBlocks(Protocol):
    def blocks(self, cells: Cells) -> list[bytes]:
        """Page content for each page's cells: as many as the layout has slots, the last block may hold fewer."""
        ...


def make_column(cell: Cell, layout: Layout, locale: Locale, wide: WideText) -> ColumnBlocks:
    """The blocks of one column, by its alignment."""
    if cell.is_right:
        return RightColumn(cell, layout, locale, wide)
    return LeftColumn(cell, layout, locale, wide)
