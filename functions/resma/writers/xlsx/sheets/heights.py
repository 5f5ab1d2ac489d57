"""Heights of rows whose text wraps. Excel computes them when it opens a file, but LibreOffice does not."""

from __future__ import annotations

from collections.abc import Sequence

from resma.report.header import Column
from resma.report.rows import Row
from resma.writers.xlsx.sheets.cells import ROW_NUMBER

LINE_POINTS = 15
MAX_POINTS = 405
"""Maximum height of a row; Excel's limit is 409. Longer text is cut off on the screen, but complete in the cell."""

_USABLE_WIDTH = 0.9
"""Share of a column's width, in digits, that a line of text fills before a word wraps."""

_ONE_LINE = b'<row r="%b">' % ROW_NUMBER
_TALL = b'<row r="%b" ht="%%d">' % ROW_NUMBER


def row_openings(rows: Sequence[Row], columns: Sequence[Column], widths: Sequence[float]) -> list[bytes]:
    """Returns `<row r="...">` for each row, with a height if wrapped text takes several lines.

    `widths` are in characters.
    """
    wrapping = [(at, max(1, int(widths[at] * _USABLE_WIDTH))) for at, column in enumerate(columns) if column.wrap]
    return [_opening(max([_lines(row[at], width) for at, width in wrapping])) for row in rows]


def _opening(lines: int) -> bytes:
    return _TALL % min(MAX_POINTS, lines * LINE_POINTS) if lines > 1 else _ONE_LINE


def _lines(cell: bytes | None, width: int) -> int:
    if cell is None or (len(cell) <= width and b"\n" not in cell):
        return 1
    return sum([-(-len(line) // width) or 1 for line in cell.decode().split("\n")])
