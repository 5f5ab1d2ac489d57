"""Decides before the first row is read whether a page is wide enough for its columns.

If it is not, the columns are split over groups of pages: each page of rows becomes several pages, one for each group,
and the first column is on all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

from resma.errors import FormatLimitError
from resma.report.header import Kind
from resma.report.warnings import ReportWarning
from resma.writers.pdf.layout import MARGIN, MAX_PADDING_SHARE, PADDING, SIZE, Layout

MIN_CHARACTERS = 2
"""Minimum width in digits. In a narrower column only an ellipsis would be left of a string."""

_READABLE: dict[Kind, int] = {
    "text": 4,
    "integer": 3,
    "amount": 5,
    "float": 6,
    "boolean": 3,
    "date": 6,
    "timestamp": 11,
    "local_timestamp": 11,
    "time": 5,
    "interval": 6,
    "uuid": 20,
    "binary": 4,
    "json": 4,
}
"""Minimum width in digits for good readability. Values other than text, JSON and binary data are condensed to fit, but
to less than 60 % they are hard to read."""

_COMFORTABLE: dict[Kind, int] = {
    "text": 14,
    "integer": 8,
    "amount": 9,
    "float": 9,
    "boolean": 5,
    "date": 8,
    "timestamp": 13,
    "local_timestamp": 13,
    "time": 6,
    "interval": 8,
    "uuid": 22,
    "binary": 8,
    "json": 10,
}
"""Minimum width in digits if the columns are split."""

_DIGIT_WIDTH = 0.5615 * SIZE
"""Width of a digit of Roboto, in points."""

_MAX_CACHED = 64

REMEDY = "Choose fewer columns with `columns`, use landscape orientation, or use XLSX or CSV instead."


class SizedColumn(Protocol):
    """A column of a header or of the catalog."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def width(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Readability:
    """Names of the columns that are hard to read (`narrow`) or impossible to read (`unreadable`)."""

    narrow: tuple[str, ...]
    unreadable: tuple[str, ...]
    columns: int = 0
    """Number of columns."""
    groups: int = 1
    """Number of groups of pages that the columns are split over."""

    @property
    def problem(self) -> str | None:
        """Message that says what is wrong and what to do; None if all columns are readable on one page."""
        if self.groups > 1:
            return (
                f"The page is too narrow for {self.columns} columns. The PDF has {self.groups} pages for each page of "
                f"rows, with a part of the columns on each. {REMEDY}"
            )
        if self.unreadable:
            return (
                f"The page is too narrow for a PDF with these columns: {_counted(self.unreadable)} would have space "
                f"for fewer than {MIN_CHARACTERS} characters. {REMEDY}"
            )
        if self.narrow:
            return f"The page is narrow for these columns: {_counted(self.narrow)} may be hard to read. {REMEDY}"
        return None


def check_widths(columns: Sequence[SizedColumn], layout: Layout) -> Readability:
    """Compares the width of each column with the width that its kind needs, and says whether columns are split."""
    # Files of a split report have the same columns, so the result is cached by what it depends on.
    return _check_widths(tuple([_Sizes(column.name, column.kind, column.width) for column in columns]), layout)


class _Sizes(NamedTuple):
    """The properties of a column that the result depends on."""

    name: str
    kind: Kind
    width: float


@lru_cache(_MAX_CACHED)
def _check_widths(columns: Sequence[_Sizes], layout: Layout) -> Readability:
    found = _compare_widths(columns, layout)
    if (found.narrow or found.unreadable) and len(groups := split_columns(columns, layout)) > 1:
        return Readability((), (), len(columns), len(groups))
    return found


def split_columns(columns: Sequence[SizedColumn], layout: Layout) -> list[list[int]]:
    """Returns the indexes of the columns of each group. The first column is in all of them."""
    widths = [comfortable_width(column) for column in columns]
    limit = layout.right - MARGIN - widths[0]
    groups = _filled(widths, limit)
    # Groups of about the same width are easier to read than full pages and a last page with one column.
    even = sum(widths[1:]) / len(groups) + max(widths) / 2
    balanced = _filled(widths, min(limit, even))
    return balanced if len(balanced) == len(groups) else groups


def _filled(widths: Sequence[float], limit: float) -> list[list[int]]:
    groups, used = [[0]], 0.0
    for index, width in enumerate(widths[1:], 1):
        if used and used + width > limit:
            groups.append([0])
            used = 0.0
        groups[-1].append(index)
        used += width
    return groups


def comfortable_width(column: SizedColumn) -> float:
    """Returns the width of a column in points, if columns are split."""
    return _COMFORTABLE[column.kind] * _DIGIT_WIDTH + 2 * PADDING


def _compare_widths(columns: Sequence[SizedColumn], layout: Layout) -> Readability:
    unit = (layout.right - MARGIN) / sum(column.width for column in columns)
    narrow, unreadable = [], []
    for column in columns:
        width = column.width * unit
        digits = (width - 2 * min(PADDING, MAX_PADDING_SHARE * width)) / _DIGIT_WIDTH
        if digits < MIN_CHARACTERS:
            unreadable.append(column.name)
        elif digits < _READABLE[column.kind]:
            narrow.append(column.name)
    return Readability(tuple(narrow), tuple(unreadable), len(columns))


def require_readable(columns: Sequence[SizedColumn], layout: Layout) -> None:
    """Raises FormatLimitError if a column is too narrow to show anything."""
    readability = check_widths(columns, layout)
    if readability.unreadable:
        raise FormatLimitError(readability.problem or "", column=readability.unreadable[0])


def describe_widths(columns: Sequence[SizedColumn], layout: Layout) -> tuple[ReportWarning, ...]:
    """Returns a warning if columns are hard to read."""
    readability = check_widths(columns, layout)
    if not readability.problem:
        return ()
    column = readability.narrow[0] if readability.narrow else None
    return (ReportWarning("columns-too-narrow", readability.problem, column=column),)


def _counted(names: Sequence[str]) -> str:
    first = ", ".join(f"`{name}`" for name in names[:3])
    return first if len(names) <= 3 else f"{len(names)} columns ({first}, ...)"
