"""Checks whether a page is wide enough for its columns, before the first row is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

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

_DIGIT_WIDTH = 0.5615 * SIZE
"""Width of a digit of Roboto, in points."""

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

    @property
    def problem(self) -> str | None:
        """Message that says what is wrong and what to do; None if all columns are readable."""
        if self.unreadable:
            return (
                f"The page is too narrow for a PDF with these columns: {_counted(self.unreadable)} would have space "
                f"for fewer than {MIN_CHARACTERS} characters. {REMEDY}"
            )
        if self.narrow:
            return f"The page is narrow for these columns: {_counted(self.narrow)} may be hard to read. {REMEDY}"
        return None


def check_widths(columns: Sequence[SizedColumn], layout: Layout) -> Readability:
    """Compares the width of each column with the width that its kind needs."""
    unit = (layout.right - MARGIN) / sum(column.width for column in columns)
    narrow, unreadable = [], []
    for column in columns:
        width = column.width * unit
        digits = (width - 2 * min(PADDING, MAX_PADDING_SHARE * width)) / _DIGIT_WIDTH
        if digits < MIN_CHARACTERS:
            unreadable.append(column.name)
        elif digits < _READABLE[column.kind]:
            narrow.append(column.name)
    return Readability(tuple(narrow), tuple(unreadable))


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
    return (ReportWarning("columns-too-narrow", readability.problem, column=readability.narrow[0]),)


def _counted(names: Sequence[str]) -> str:
    first = ", ".join(f"`{name}`" for name in names[:3])
    return first if len(names) <= 3 else f"{len(names)} columns ({first}, ...)"
