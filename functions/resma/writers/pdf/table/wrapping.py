"""Rows whose cells go on below: each becomes as many lines as its longest cell needs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, islice

from resma.report.rows import Row
from resma.writers.pdf.layout import SIZE, Cell
from resma.writers.pdf.table.line_plan import FREE, FURTHER, ROW
from resma.writers.pdf.text.cp1252 import UNIT, metrics, single, visible
from resma.writers.pdf.text.line_breaks import HYPHEN, break_lines, ends_of, units
from resma.writers.pdf.text.unicode import WideText

_NARROWEST = 12
"""Units of the narrowest character of a text: a twentieth of an em."""


_SHORT = 200
_REMEMBERED = 4_000
"""Names come again and again: up to 2 MB of cells below so many bytes are remembered with their lines."""


class Wrapper:
    """Cuts the cells of columns that wrap into lines. A row takes no more lines than a page has."""

    def __init__(self, cells: Sequence[Cell], slots: int, wide: WideText) -> None:
        self._rooms = [
            (index, int(cell.text_width / SIZE * 1000 / UNIT)) for index, cell in enumerate(cells) if cell.column.wrap
        ]
        self._slots = slots
        self._metrics = metrics("R")
        self._wide = wide
        self._blank: Row = (None,) * len(cells)
        self._cut_short = lru_cache(_REMEMBERED)(self._cut)

    def spread(self, rows: Sequence[Row], kinds: bytes, used: int) -> tuple[list[Row], bytes]:
        """Lines of these rows and their kinds; `used` slots of the page are taken.

        A row that does not fit on what is left of a page begins on the next.
        """
        lines: list[Row] = []
        out = bytearray()
        slots = self._slots
        for row, kind in zip(rows, kinds, strict=True):
            parts = self._lines(row) if kind == ROW[0] else [row]
            left = slots - (used + len(lines)) % slots
            if len(parts) > left:
                lines += [self._blank] * left
                out += FREE * left
            lines += parts
            out.append(kind)
            out += FURTHER * (len(parts) - 1)
        return lines, bytes(out)

    def _lines(self, row: Row) -> list[Row]:
        """One row as rows: its texts cut, all other cells in the first."""
        cut = {
            index: self._cut_short(cell, room) if len(cell) < _SHORT else self._cut(cell, room)
            for index, room in self._rooms
            if (cell := row[index])
        }
        if all(len(parts) == 1 for parts in cut.values()):
            return [row]
        first = tuple(cut[index][0] if index in cut else cell for index, cell in enumerate(row))
        further: list[Row] = [
            tuple(parts[at] if (parts := cut.get(index, ())) and at < len(parts) else None for index in range(len(row)))
            for at in range(1, max(map(len, cut.values())))
        ]
        return [first, *further]

    def _cut(self, cell: bytes, room: int) -> list[bytes]:
        """A cell's lines: at its own line breaks, and at those of UAX #14. The last ends in … if there were more."""
        if cell.isascii() and self._metrics.measure(cell) <= room and b"\n" not in cell and b"\r" not in cell:
            return [cell]
        most = self._slots
        # What can be shown at all: longer texts are not even looked at.
        text = cell.decode("utf-8")
        shown = text[: most * (room // _NARROWEST + 2)]
        lines: list[str] = []
        for paragraph in shown.splitlines():
            lines += self._broken(visible(paragraph), room, most + 1 - len(lines))
            if len(lines) > most:
                break
        if len(lines) > most or len(shown) < len(text):
            lines = lines[:most]
            lines[-1] = lines[-1].rstrip() + "…"
        return [line.encode("utf-8", "replace") for line in lines] or [b""]

    def _broken(self, text: str, room: int, most: int) -> list[str]:
        """At most so many lines of one paragraph."""
        if not text:
            return [""]
        parts = units(text)
        data = single(text)
        if data is None:
            ends: Sequence[float] = ends_of(parts, room, self._measure)
        else:
            ends = list(accumulate(data.translate(self._metrics.units)))
        hyphen = self._metrics.measure(HYPHEN.encode("ascii"))
        return list(islice(break_lines(text, parts, ends, room, hyphen), most))

    def _measure(self, text: str) -> int:
        return -int(-self._wide.measure(text) // UNIT)
