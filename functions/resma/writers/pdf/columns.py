"""Columns of text to blocks of page content: the hot loop, 4.5 million cells for a report of 500,000 rows.

Cells are handled by C code a batch at a time. Where a text holds U+0001, or anything outside Windows-1252, that
batch of the column is encoded a page at a time, and the pages that cannot be printed with one byte a character
are left out (None), for `wide`, which is called in the order of pages.
"""

from __future__ import annotations

from typing import Protocol

from resma.writers.pdf.encodings import TwoByte
from resma.writers.pdf.face import Face
from resma.writers.pdf.joining import Texts
from resma.writers.pdf.layout import Cell
from resma.writers.pdf.left_column import LeftColumn
from resma.writers.pdf.right_column import RightColumn


class ColumnBlocks(Protocol):
    def blocks(self, texts: Texts) -> list[bytes | None]:
        """Page content for each 50 texts (the last block may hold fewer), None where `wide` is needed."""
        ...

    def wide(self, texts: Texts) -> bytes:
        """Page content for up to 50 texts of any characters."""
        ...


def column_blocks(cell: Cell, face: Face, two_byte: TwoByte) -> ColumnBlocks:
    if cell.is_right:
        return RightColumn(cell, face, two_byte)
    return LeftColumn(cell, face, two_byte)
