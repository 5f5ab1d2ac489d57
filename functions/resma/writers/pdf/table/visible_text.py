"""Cuts text that no page can show, so that pending rows take little memory."""

from __future__ import annotations

from collections.abc import Sequence

from resma.report.kinds import UNBOUNDED
from resma.report.rows import Row
from resma.writers.pdf.layout import SIZE, Cell

_CHARACTERS_PER_EM = 20
"""Number of the narrowest characters of any font per em."""

_BYTES_PER_CHARACTER = 4
"""Maximum number of bytes per character in UTF-8."""


class VisibleText:
    """Cuts cells to the text that their column can show: one line, or a page of lines if the column wraps."""

    def __init__(self, cells: Sequence[Cell], slots: int) -> None:
        self._limits = [
            (index, limit)
            for index, cell in enumerate(cells)
            if (limit := _max_bytes(cell, slots)) < (cell.column.max_bytes or limit + 1)
            and cell.column.kind in UNBOUNDED
        ]

    def of(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Returns the rows. Rows with a cut cell are new tuples."""
        return [self._cut(row) for row in rows] if self._limits else rows

    def _cut(self, row: Row) -> Row:
        cut = {
            index: _shortened(cell, limit)
            for index, limit in self._limits
            if (cell := row[index]) is not None and len(cell) > limit
        }
        return tuple([cut.get(index, cell) for index, cell in enumerate(row)]) if cut else row


def _max_bytes(cell: Cell, slots: int) -> int:
    characters = int(cell.text_width / SIZE * _CHARACTERS_PER_EM) + 2
    return characters * _BYTES_PER_CHARACTER * (slots if cell.column.wrap else 1)


def _shortened(cell: bytes, limit: int) -> bytes:
    """Cuts a cell and adds an ellipsis, because what is left may fit its column if characters have zero width."""
    return cell[:limit].decode("utf-8", "ignore").encode() + "…".encode()
