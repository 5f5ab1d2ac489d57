"""Wraps cells onto several lines: each row becomes as many lines as its longest cell needs."""

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
"""Width of the narrowest character in units: a twentieth of an em."""


_SHORT = 200
_MAX_CACHED_CELLS = 4_000
"""Limits of the cache of cells and their lines, because names repeat: length in bytes, and number (up to 2 MB)."""


class Wrapper:
    """Splits the cells of columns that wrap into lines. A row has at most as many lines as a page."""

    def __init__(self, cells: Sequence[Cell], slots: int, wide: WideText) -> None:
        self._text_widths = [
            (index, int(cell.text_width / SIZE * 1000 / UNIT)) for index, cell in enumerate(cells) if cell.column.wrap
        ]
        self._slots = slots
        self._metrics = metrics("R")
        self._wide = wide
        self._blank: Row = (None,) * len(cells)
        self._cut_short = lru_cache(_MAX_CACHED_CELLS)(self._cut)

    def spread(self, rows: Sequence[Row], kinds: bytes, used: int) -> tuple[list[Row], bytes]:
        """Returns the lines of these rows and their kinds. `used` is the number of used slots of the page.

        A row that does not fit on the rest of a page starts on the next page.
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
        """Splits a row into lines. Cells of columns that do not wrap are on the first line."""
        cut = {
            index: self._cut_short(cell, width) if len(cell) < _SHORT else self._cut(cell, width)
            for index, width in self._text_widths
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

    def _cut(self, cell: bytes, width: int) -> list[bytes]:
        """Splits a cell into lines, at its line breaks and those of UAX #14. An ellipsis marks omitted lines."""
        if cell.isascii() and self._metrics.measure(cell) <= width and b"\n" not in cell and b"\r" not in cell:
            return [cell]
        max_lines = self._slots
        # A page cannot show more characters than this, so the rest of longer text is not processed.
        text = cell.decode("utf-8")
        shown = text[: max_lines * (width // _NARROWEST + 2)]
        lines: list[str] = []
        for paragraph in shown.splitlines():
            lines += self._broken(visible(paragraph), width, max_lines + 1 - len(lines))
            if len(lines) > max_lines:
                break
        if len(lines) > max_lines or len(shown) < len(text):
            lines = lines[:max_lines]
            lines[-1] = lines[-1].rstrip() + "…"
        return [line.encode("utf-8", "replace") for line in lines] or [b""]

    def _broken(self, text: str, width: int, max_lines: int) -> list[str]:
        """Splits a paragraph into at most `max_lines` lines."""
        if not text:
            return [""]
        parts = units(text)
        data = single(text)
        if data is None:
            ends: Sequence[float] = ends_of(parts, width, self._measure)
        else:
            ends = list(accumulate(data.translate(self._metrics.units)))
        hyphen = self._metrics.measure(HYPHEN.encode("ascii"))
        return list(islice(break_lines(text, parts, ends, width, hyphen), max_lines))

    def _measure(self, text: str) -> int:
        return -int(-self._wide.measure(text) // UNIT)
