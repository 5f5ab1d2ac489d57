"""Heights of rows whose text wraps. Excel would find them when it opens the file; LibreOffice does not."""

from __future__ import annotations

from collections.abc import Sequence

from resma.report.header import Column
from resma.report.rows import Row
from resma.writers.xlsx.sheets.cells import ROW_NUMBER

LINE_POINTS = 15
MAX_POINTS = 405
"""Excel's limit is 409; what is taller is cut on the screen, and whole in the cell."""

_ROOM = 0.9
"""Of a column's width in digits, how much a line of text fills before a word must go below."""

_ONE_LINE = b'<row r="%b">' % ROW_NUMBER
_TALL = b'<row r="%b" ht="%%d">' % ROW_NUMBER


def row_openings(rows: Sequence[Row], columns: Sequence[Column], widths: Sequence[float]) -> list[bytes]:
    """`<row r="...">`, with a height where text that wraps takes more lines than one. `widths` are in characters."""
    wrapping = [(at, max(1, int(widths[at] * _ROOM))) for at, column in enumerate(columns) if column.wrap]
    return [_opening(max([_lines(row[at], width) for at, width in wrapping])) for row in rows]


def _opening(lines: int) -> bytes:
    return _TALL % min(MAX_POINTS, lines * LINE_POINTS) if lines > 1 else _ONE_LINE


def _lines(cell: bytes | None, width: int) -> int:
    if cell is None or (len(cell) <= width and b"\n" not in cell):
        return 1
    return sum([-(-len(line) // width) or 1 for line in cell.decode().split("\n")])
