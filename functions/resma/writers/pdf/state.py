"""All that a PDF in the making has to remember. Nothing else in this package changes from page to page."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class MonthMark:
    """Where a month begins: the table page (from 0) and the row on it (from 0)."""

    month: str
    page: int
    row: int


@dataclass(slots=True)
class State:
    """Plain values only, so that it can be saved between two batches and taken up by another process.

    Its size does not grow with the rows: offsets leave with every cross-reference section, pending rows
    are less than a page, marks are one a month, at most 256 rows of code points and 2,048 characters beyond U+FFFF.
    """

    position: int = 0
    """Bytes given out so far."""
    runs: list[list[int]] = field(default_factory=list)
    """Objects written since the last cross-reference section: runs of a first number and how many follow on."""
    offsets: array[int] = field(default_factory=lambda: array("Q"))
    """Where each of them begins, in bytes from the start of the file, run after run."""
    last_section: int = 0
    """Offset of the last cross-reference section, 0 before the first."""
    highest: int = 0
    """The highest object number in use."""
    rows: int = 0
    """Rows received, written or pending."""
    pages: int = 0
    """Table pages written."""
    pending: list[list[str | None]] = field(default_factory=list)
    """Rows that do not fill a page yet, a list a column."""
    marks: list[MonthMark] = field(default_factory=list)
    in_order: bool = True
    """False once the period column was seen going both ways: then its months are no chapters."""
    wide_rows: dict[str, list[int]] = field(default_factory=dict)
    """Per face, the high bytes of the code points printed with two-byte codes."""
    astral: dict[str, list[int]] = field(default_factory=dict)
    """Per face, the code points beyond U+FFFF, in order of first use."""
