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
"""Minimum part of an invocation in which rows are written. The rest is for saving the checkpoint."""


@dataclass(frozen=True)
class Facts:
    """Facts that the warnings depend on."""

    counted: RowEstimate
    formats: Sequence[str]
    seconds: float
    worker_seconds: int
    room: QuotaUsage
    masked: Sequence[str]
    """Columns that would be masked in the report."""
    unseen: Sequence[str]
    """Formats in which the tenant has no recent report of the type."""
    csv_for_excel: bool = False
    """Whether a CSV file has the profile `excel`."""
    page: Readability | None = None
    """Whether the page of a PDF is wide enough for the columns. None if no PDF is requested."""
    is_split: bool = False
    """Whether the report is split. `counted.keys` is the number of its keys."""


def find_warnings(facts: Facts) -> list[EstimateWarning]:
    """Returns the warnings. Those about a report that would be rejected or would fail come first."""
    return [
        *_quota_warnings(facts),
        *_file_warnings(facts),
        *_page_warnings(facts),
        *_size_warnings(facts),
        *_accuracy_warnings(facts),
    ]


def _warn(code: str, detail: str, values: dict[str, Any] | None = None) -> EstimateWarning:
    return EstimateWarning(code=code, detail=detail, values=values or {})


def _quota_warnings(facts: Facts) -> Iterator[EstimateWarning]:
    room, rows = facts.room, facts.counted.rows
    if room.live >= room.max_live:
        live = counted(room.live, "report is", "reports are")
        text = f"{live} in progress, which is your limit. This report would be rejected now."
        yield _warn("live-reports-quota-exhausted", text, {"live": room.live})
    left = max(0, room.max_rows - room.rows)
    if left == 0:
        max_rows = counted(room.max_rows, "row")
        text = (
            f"Today's reports have used all of your {max_rows} per day. This report would be rejected until 00:00 UTC."
        )
        yield _warn("rows-quota-exhausted", text, {"maxRows": room.max_rows})
    elif rows > left:
        text = (
            f"The report has more rows than are left of your {room.max_rows:,} rows per day ({left:,}), so it would "
            "fail. Narrow the filters, or request it after 00:00 UTC."
        )
        yield _warn("too-many-rows", text, {"maxRows": room.max_rows, "left": left})


def _file_warnings(facts: Facts) -> Iterator[EstimateWarning]:
    """Yields warnings about the number of files of a split report."""
    if not facts.is_split:
        return
    room, keys = facts.room, facts.counted.keys
    files, left = (keys or 0) * len(facts.formats), max(0, room.max_files - room.files)
    if left == 0:
        text = (
            f"Today's split reports have used all of your {counted(room.max_files, 'file')} per day. This report would "
            "be rejected until 00:00 UTC."
        )
        yield _warn("files-quota-exhausted", text, {"maxFiles": room.max_files})
    elif files > left:
        text = (
            f"The report has more files than are left of your {room.max_files:,} files per day ({left:,}), so it would "
            "fail. Narrow the filters, or request it after 00:00 UTC."
        )
        yield _warn("too-many-files", text, {"maxFiles": room.max_files, "left": left})
    if keys is None:
        text = "Counting the keys would take too long. Sizes do not include what is the same in each file."
        yield _warn("keys-not-counted", text)


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
        yield _warn("no-rows", "No rows match the filters. The report would be empty.")
    of_file = ceil(rows / (facts.counted.keys or 1))  # the average, because the largest key is not known
    if "XLSX" in facts.formats and of_file > MAX_ROWS_PER_SHEET:
        sheets = ceil(of_file / MAX_ROWS_PER_SHEET)
        text = (
            f"A worksheet has at most {MAX_ROWS_PER_SHEET:,} rows. The workbook will have {sheets} worksheets of rows."
        )
        yield _warn("sheets", text, {"maxRows": MAX_ROWS_PER_SHEET, "sheets": sheets})
    if "CSV" in facts.formats and facts.csv_for_excel and of_file > MAX_ROWS_PER_SHEET:
        text = (
            f"Excel opens only the first {MAX_ROWS_PER_SHEET:,} rows of a CSV file. "
            "Narrow the filters, or use XLSX, which has several worksheets."
        )
        yield _warn("excel-row-limit", text, {"maxRows": MAX_ROWS_PER_SHEET})
    usable = facts.worker_seconds * _USABLE
    if facts.seconds > usable and not facts.is_split:  # several workers generate a split report
        times = ceil(facts.seconds / usable) - 1
        text = (
            f"The report takes longer than one invocation of a worker ({facts.worker_seconds:,} s). It will be "
            f"continued in another invocation about {counted(times, 'time')}, and restarts from the first row if its "
            "data change."
        )
        yield _warn("continuations", text, {"seconds": facts.worker_seconds, "times": times})


def _accuracy_warnings(facts: Facts) -> Iterator[EstimateWarning]:
    if not facts.counted.is_exact:
        text = "Counting the rows would take too long. All figures depend on the database planner's estimate."
        yield _warn("not-counted", text)
    if facts.unseen:
        text = (
            f"You have no recent report of this type as {', '.join(facts.unseen)}. Sizes are estimated from a baseline "
            "measurement, and may be several times larger or smaller."
        )
        yield _warn("first-of-format", text, {"formats": list(facts.unseen)})
    if facts.masked:
        text = f"Columns masked because you do not have the scope `personal:read`: {', '.join(facts.masked)}."
        yield _warn("masked", text, {"columns": list(facts.masked)})
