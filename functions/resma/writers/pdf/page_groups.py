"""The groups of columns that the pages of a table show: one group, or several if a page is too narrow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from resma.report.header import Column, ReportHeader
from resma.writers.pdf.layout import MARGIN, Cell, Layout, cells
from resma.writers.pdf.readability import check_widths, comfortable_width, split_columns

_MAX_STRETCH = 2.0
"""Maximum factor by which the columns of a group are wider than comfortable, if the group does not fill the page."""


@dataclass(frozen=True, slots=True)
class PageGroup:
    """Columns that are on the same page."""

    number: int
    """Number of the group, from 0."""
    indexes: tuple[int, ...]
    """Indexes of its columns."""
    cells: tuple[Cell, ...]
    """Positions of its columns."""

    def form(self, name: bytes) -> bytes:
        """Returns the name of this group's variant of a form."""
        return name + (b"%d" % self.number if self.number else b"")

    def cells_by_index(self, count: int) -> list[Cell]:
        """Returns a position for each of `count` columns; columns of other groups have no width."""
        own = dict(zip(self.indexes, self.cells, strict=True))
        nowhere = replace(self.cells[0], left=0.0, right=0.0)
        return [own.get(index, nowhere) for index in range(count)]


def page_groups(header: ReportHeader, layout: Layout) -> list[PageGroup]:
    """Returns the groups of a report's columns."""
    columns = header.columns
    if check_widths(columns, layout).groups == 1:
        return [PageGroup(0, tuple(range(len(columns))), tuple(cells(columns, layout)))]
    groups = split_columns(columns, layout)
    return [
        PageGroup(number, tuple(indexes), tuple(_positions([columns[index] for index in indexes], layout)))
        for number, indexes in enumerate(groups)
    ]


def _positions(columns: Sequence[Column], layout: Layout) -> list[Cell]:
    """Returns the positions of a group's columns. The first column, which all groups have, always has the same."""
    first, *rest = [comfortable_width(column) for column in columns]
    available = layout.right - MARGIN - first
    stretch = min(_MAX_STRETCH, available / sum(rest)) if rest else 1.0
    positions, left = [], MARGIN
    for column, width in zip(columns, (first, *(width * stretch for width in rest)), strict=True):
        positions.append(Cell(column, round(left, 2), round(left + width, 2)))
        left += width
    return positions


def titled(header: ReportHeader, group: PageGroup, count: int) -> ReportHeader:
    """Returns the header with the number of the group in the title of its pages."""
    return header if count == 1 else replace(header, title=f"{header.title} ({group.number + 1}/{count})")
