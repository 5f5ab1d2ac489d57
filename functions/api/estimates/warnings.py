"""Warnings about a report that has not been requested yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from api.estimates.models import EstimateWarning
from resma.access.quotas import QuotaUsage
from resma.short_text import counted
from resma.snapshot.row_estimate import RowEstimate
from resma.writers.limits import MAX_ROWS_PER_SHEET, Readability

_USABLE = 3 / 4
"""Of an invocation, at least: the rest is kept for handing over."""


@dataclass(frozen=True)
class Facts:
    """What the warnings depend on."""

    counted: RowEstimate
    formats: Sequence[str]
    seconds: float
    worker_seconds: int
    room: QuotaUsage
    masked: Sequence[str]
    """Columns of the report that would be masked."""
    unseen: Sequence[str]
    """Formats that the tenant has had no such report in."""
    csv_for_excel: bool = False
    """Whether the CSV file, if there is one, has the profile for Excel."""
    page: Readability | None = None
    """Whether a PDF's page is wide enough for the columns; None if no PDF is wanted."""


def find_warnings(facts: Facts) -> list[EstimateWarning]:
    """Returns the warnings. Those about a report that would be rejected or would fail come first."""
    return [*_quota_warnings(facts), *_page_warnings(facts), *_size_warnings(facts), *_accuracy_warnings(facts)]


def _warn(code: str, detail: str, values: dict[str, Any] | None = None) -> EstimateWarning:
    return EstimateWarning(code=code, detail=detail, values=values or {})


def _quota_warnings(facts: Facts) -> Iterator[EstimateWarning]:
    room, rows = facts.room, facts.counted.rows
    if room.live >= room.max_live:
        live = counted(room.live, "report is", "reports are")
        text = f"{live} waiting or under way, which is your limit: it would be refused now."
        yield _warn("live-reports-quota-exhausted", text, {"live": room.live})
    left = max(0, room.max_rows - room.rows)
    if left == 0:
        most = counted(room.max_rows, "row")
        text = f"Today's reports have used up your {most} a day: it would be refused until 00:00 UTC."
        yield _warn("rows-quota-exhausted", text, {"most": room.max_rows})
    elif rows > left:
        text = (
            f"It has more rows than are left of your {room.max_rows:,} a day ({left:,}): it would fail. "
            "Narrow the filters, or ask after 00:00 UTC."
        )
        yield _warn("too-many-rows", text, {"most": room.max_rows, "left": left})


def _page_warnings(facts: Facts) -> Iterator[EstimateWarning]:
    if not facts.page or not facts.page.problem:
        return
    code, columns = "columns-too-narrow", facts.page.narrow
    if facts.page.unreadable:
        code, columns = "columns-unreadable", facts.page.unreadable
    yield _warn(code, facts.page.problem, {"columns": list(columns)})


def _size_warnings(facts: Facts) -> Iterator[EstimateWarning]:
    rows = facts.counted.rows
    if rows == 0 and facts.counted.is_exact:
        yield _warn("no-rows", "No rows match: the report would be empty.")
    if "XLSX" in facts.formats and rows > MAX_ROWS_PER_SHEET:
        sheets = ceil(rows / MAX_ROWS_PER_SHEET)
        text = f"A spreadsheet's sheet holds {MAX_ROWS_PER_SHEET:,} rows: the workbook has {sheets} sheets of rows."
        yield _warn("sheets", text, {"most": MAX_ROWS_PER_SHEET, "sheets": sheets})
    if "CSV" in facts.formats and facts.csv_for_excel and rows > MAX_ROWS_PER_SHEET:
        text = (
            f"Excel opens the first {MAX_ROWS_PER_SHEET:,} rows of a CSV file only. "
            "Narrow the filters, or use XLSX, which has several sheets."
        )
        yield _warn("excel-row-limit", text, {"most": MAX_ROWS_PER_SHEET})
    usable = facts.worker_seconds * _USABLE
    if facts.seconds > usable:
        times = ceil(facts.seconds / usable) - 1
        text = (
            f"It takes longer than one invocation of a worker has ({facts.worker_seconds:,} s): it is handed over to "
            f"the next one, about {counted(times, 'time')}, and restarts from the first row if its data change."
        )
        yield _warn("continuations", text, {"seconds": facts.worker_seconds, "times": times})


def _accuracy_warnings(facts: Facts) -> Iterator[EstimateWarning]:
    if not facts.counted.is_exact:
        text = "Counting would take too long: the rows are the database planner's guess, and all else follows from it."
        yield _warn("not-counted", text)
    if facts.unseen:
        text = (
            f"You have had no report of this type as {', '.join(facts.unseen)} lately: sizes are by what was measured "
            "of another, and may be some times too large or too small."
        )
        yield _warn("first-of-format", text, {"formats": list(facts.unseen)})
    if facts.masked:
        text = f"Masked for you, as you lack personal:read: {', '.join(facts.masked)}."
        yield _warn("masked", text, {"columns": list(facts.masked)})
