"""Rows whose cells go on below: each becomes as many lines as its longest cell needs."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

from resma.rows import Row
from resma.writers.pdf.layout import SIZE, Cell
from resma.writers.pdf.plan import FREE, FURTHER, ROW
from resma.writers.pdf.single_byte import UNIT, metrics, single, visible
from resma.writers.pdf.wide import WideText

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
        """A cell's lines, at its own line breaks and wherever it is too wide; the last ends in … if there were more."""
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
        """Lines of one paragraph: broken after the last space that fits, else anywhere."""
        ends = self._ends(text)
        lines: list[str] = []
        at = 0
        while len(lines) < most:
            before = ends[at - 1] if at else 0
            stop = max(at + 1, bisect_right(ends, before + room))
            if stop >= len(text):
                break
            space = text.rfind(" ", at + 1, stop + 1)
            stop = space if space > 0 else stop
            lines.append(text[at:stop])
            at = stop
            while text[at : at + 1] == " ":
                at += 1
        else:
            return lines
        return [*lines, text[at:]]

    def _ends(self, text: str) -> list[int]:
        """Where each character ends, in units from the text's start."""
        data = single(text)
        if data is not None:
            return list(accumulate(data.translate(self._metrics.units)))
        widths = {char: -int(-self._wide.measure(char) // UNIT) for char in set(text)}
        return list(accumulate(map(widths.__getitem__, text)))
