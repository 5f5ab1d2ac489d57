"""Lines of the table: rows, further lines of rows that wrap, and subtotals.

Every line takes one slot. For columns, a line that is not a row is a blank row, so that columns do not depend on the
kinds of lines. The kind of each line is a letter in a separate bytes object.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

from resma.errors import RowCountMismatchError
from resma.report.header import Period, ReportHeader
from resma.report.rows import Row
from resma.report.total_lines import TotalLine, total_lines

ROW = b"R"
FURTHER = b"f"
"""Further line of the row above."""
SUBTOTAL = b"s"
FREE = b"."
"""Free line at the end of a page on which the next row does not fit."""


class LinePlan:
    """Assigns rows to periods, according to the row counts in the header.

    Raises RowCountMismatchError if a period is empty or if the row counts do not add up to that of the report.
    """

    def __init__(self, header: ReportHeader) -> None:
        self.periods: Sequence[Period] = header.periods
        self._ends = list(accumulate(period.rows for period in header.periods))
        self._starts = [0, *self._ends][: len(self._ends)]
        if self._ends and (self._ends[-1] != header.rows or not all(period.rows for period in header.periods)):
            raise RowCountMismatchError(self._ends[-1], header.rows, "the periods contain")
        self._header = header
        lines = [self._subtotal_lines(period) if header.subtotals else 0 for period in header.periods]
        self._line_ends = list(accumulate(lines))
        self._subtotals = header.subtotals and bool(header.periods)
        self.lines = header.rows + sum(lines)
        """Number of lines of the report if no cell wraps."""

    def lay_out(self, rows: Sequence[Row], first: int, blank: Row) -> tuple[list[Row], bytes]:
        """Inserts blank rows for subtotals. Returns the lines and their kinds.

        `first` is the number of the first row in the report, from 0.
        """
        if not self._subtotals:
            return list(rows), ROW * len(rows)
        lines: list[Row] = []
        kinds = []
        at = 0
        for period in range(bisect_right(self._ends, first), len(self._ends)):
            end = self._ends[period] - first
            if end > len(rows):
                break
            count = self._subtotal_lines(self.periods[period])
            lines += rows[at:end]
            lines += [blank] * count
            kinds.append(ROW * (end - at) + SUBTOTAL * count)
            at = end
        return [*lines, *rows[at:]], b"".join(kinds) + ROW * (len(rows) - at)

    def periods_starting(self, first: int, end: int) -> range:
        """Returns the indexes of periods whose first row has a number from `first` up to, but not including, `end`."""
        return range(bisect_left(self._starts, first), bisect_left(self._starts, end))

    def start_of(self, period: int) -> int:
        """Returns the number of the first row of a period, from 0."""
        return self._starts[period]

    def subtotal(self, line: int) -> tuple[Period, TotalLine | None, bool]:
        """Returns the period of a line of subtotals (from 0), its amount, and whether it is the period's first line.

        A line without an amount shows the number of rows of the period, or the number of omitted totals.
        """
        index = bisect_right(self._line_ends, line)
        period = self.periods[index]
        nth = line - (self._line_ends[index - 1] if index else 0)
        amounts = max(1, len(self._header.total_columns))
        total = period.totals[nth // amounts : nth // amounts + 1]
        shown = list(total_lines(self._header, total))
        return period, shown[nth % amounts] if shown else None, nth == 0

    def _subtotal_lines(self, period: Period) -> int:
        amounts = len(self._header.total_columns)
        return max(1, len(period.totals) * amounts + (1 if period.totals_omitted else 0))


def find_row(kinds: bytes, nth: int) -> int:
    """Returns the slot of the nth row (from 0) that starts on a page with these kinds of lines."""
    slot = -1
    for _ in range(nth + 1):
        slot = kinds.index(ROW, slot + 1)
    return slot
