"""Bookmarks: the summary, then the months of the period column, under their years where there are many."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from resma.writers.pdf.layout import LEADING, ROWS_TOP
from resma.writers.pdf.objects import number, text_string
from resma.writers.pdf.state import MonthMark, State

MOST_FLAT_MONTHS = 24

_MONTH = re.compile(r"\d{4,6}-\d\d")
_NAMES = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def month_of(text: str | None) -> str | None:
    """`YYYY-MM` of a date or timestamp; None for NULL, infinity, dates BC and whatever is no date."""
    if text is None or text.endswith("BC"):
        return None
    found = _MONTH.match(text)
    return found[0] if found and 1 <= int(found[0][-2:]) <= 12 else None


def note_months(state: State, texts: Sequence[str | None], page: int) -> None:
    """Marks months that begin on this page. Rows out of order end it: then a month is no place to go to."""
    if not state.in_order:
        return
    last = state.marks[-1].month if state.marks else None
    if last is not None and month_of(texts[0]) == last == month_of(texts[-1]):
        return  # nearly every page; a stray row within it is no beginning
    for row, text in enumerate(texts):
        month = month_of(text)
        if month is None or month == last:
            continue
        state.marks.append(MonthMark(month, page, row))
        last = month
    state.in_order = _one_way([mark.month for mark in state.marks[-ROWS_KEPT:]])
    if not state.in_order:
        state.marks.clear()


ROWS_KEPT = 53
"""A page's marks and the two before: enough to see a turn."""


def _one_way(months: Sequence[str]) -> bool:
    keys = [(len(month), month) for month in months]
    return keys == sorted(keys) or keys == sorted(keys, reverse=True)


@dataclass(slots=True)
class Entry:
    title: str
    destination: bytes
    children: list[Entry] = field(default_factory=list)


def entries(state: State, summary_page: int, page_number: Callable[[int], int]) -> list[Entry]:
    """The outline's entries. `page_number` gives the object number of a table page."""
    found = [Entry("Summary", b"[%d 0 R/Fit]" % summary_page)]
    if not state.marks:
        return [*found, Entry("Rows", b"[%d 0 R/Fit]" % page_number(0))]
    many = len(state.marks) > MOST_FLAT_MONTHS
    for mark in state.marks:
        year, _, month = mark.month.rpartition("-")
        top = number(ROWS_TOP - mark.row * LEADING + LEADING)
        destination = b"[%d 0 R/XYZ null %b null]" % (page_number(mark.page), top)
        entry = Entry(f"{_NAMES[int(month) - 1]} {year}", destination)
        if not many:
            found.append(entry)
        elif len(found) > 1 and found[-1].title == year:
            found[-1].children.append(entry)
        else:
            found.append(Entry(year, destination, [entry]))
    return found


def outline_objects(root: int, tree: Sequence[Entry], claim: Callable[[], int]) -> list[tuple[int, bytes]]:
    """Objects of the outline (§12.3.3), numbers and bodies; years are closed, so they count negative."""
    objects: list[tuple[int, bytes]] = []

    def level(parent: int, siblings: Sequence[Entry]) -> tuple[int, int]:
        numbers = [claim() for _ in siblings]
        for i, (own, entry) in enumerate(zip(numbers, siblings, strict=True)):
            links = b"/Parent %d 0 R" % parent
            if i:
                links += b"/Prev %d 0 R" % numbers[i - 1]
            if i + 1 < len(numbers):
                links += b"/Next %d 0 R" % numbers[i + 1]
            if entry.children:
                first, last = level(own, entry.children)
                links += b"/First %d 0 R/Last %d 0 R/Count -%d" % (first, last, len(entry.children))
            objects.append((own, b"<</Title%b%b/Dest%b>>" % (text_string(entry.title), links, entry.destination)))
        return numbers[0], numbers[-1]

    first, last = level(root, tree)
    body = b"<</Type/Outlines/First %d 0 R/Last %d 0 R/Count %d>>" % (first, last, len(tree))
    return [(root, body), *objects]
