"""Which lines stand on a page: rows, the further lines of rows that wrap, subtotals.

Every line takes one slot. A line that is no row of its own is a blank row to the columns, so that they need to know
of none of this; its kind is a letter beside it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

from resma.errors import RowCountMismatchError
from resma.report.header import Period, ReportHeader, Total
from resma.report.rows import Row

ROW = b"R"
FURTHER = b"f"
"""A further line of the row above."""
SUBTOTAL = b"s"
FREE = b"."
"""Left free at the end of a page, because the next row does not fit there."""


class LinePlan:
    """The report's rows cut into its periods, as the header promises them.

    Raises RowCountMismatchError where a period is empty or they do not add up to the report.
    """

    def __init__(self, header: ReportHeader) -> None:
        self.periods: Sequence[Period] = header.periods
        self._ends = list(accumulate(period.rows for period in header.periods))
        self._starts = [0, *self._ends][: len(self._ends)]
        if self._ends and (self._ends[-1] != header.rows or not all(period.rows for period in header.periods)):
            raise RowCountMismatchError(self._ends[-1], header.rows, "are in the periods")
        lines = [_subtotal_lines(period) if header.subtotals else 0 for period in header.periods]
        self._line_ends = list(accumulate(lines))
        self._subtotals = header.subtotals and bool(header.periods)
        self.lines = header.rows + sum(lines)
        """All lines of the report where no cell wraps."""

    def lay_out(self, rows: Sequence[Row], first: int, blank: Row) -> tuple[list[Row], bytes]:
        """Rows from number `first` (from 0) with blank ones for the subtotals among them; and the kind of each."""
        if not self._subtotals:
            return list(rows), ROW * len(rows)
        lines: list[Row] = []
        kinds = []
        at = 0
        for period in range(bisect_right(self._ends, first), len(self._ends)):
            end = self._ends[period] - first
            if end > len(rows):
                break
            count = _subtotal_lines(self.periods[period])
            lines += rows[at:end]
            lines += [blank] * count
            kinds.append(ROW * (end - at) + SUBTOTAL * count)
            at = end
        return [*lines, *rows[at:]], b"".join(kinds) + ROW * (len(rows) - at)

    def begun(self, first: int, end: int) -> range:
        """The periods whose first row is among those numbered from `first` to before `end`."""
        return range(bisect_left(self._starts, first), bisect_left(self._starts, end))

    def start_of(self, period: int) -> int:
        """The number of its first row."""
        return self._starts[period]

    def subtotal(self, line: int) -> tuple[Period, Total | None, bool]:
        """The period of a line of subtotals (from 0), which of its totals, and whether it is the first of these.

        Without a total, the line says how many rows the period has, or how many of its totals were omitted.
        """
        index = bisect_right(self._line_ends, line)
        period = self.periods[index]
        nth = line - (self._line_ends[index - 1] if index else 0)
        return period, period.totals[nth] if nth < len(period.totals) else None, nth == 0


def _subtotal_lines(period: Period) -> int:
    return max(1, len(period.totals) + (1 if period.totals_omitted else 0))


def find_row(kinds: bytes, nth: int) -> int:
    """The slot of the nth row (from 0) that begins on a page of these kinds."""
    slot = -1
    for _ in range(nth + 1):
        slot = kinds.index(ROW, slot + 1)
    return slot
