"""What to know before asking for a report, in sentences and as codes with values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from resma.quotas import Room
from resma.row_estimate import RowEstimate
from resma.writers.xlsx.sheet import MOST_ROWS

_USABLE = 3 / 4
"""Of an invocation, at least: the rest is kept for handing over."""


@dataclass(frozen=True)
class Facts:
    """What notes are written from."""

    counted: RowEstimate
    formats: Sequence[str]
    seconds: float
    worker_seconds: int
    room: Room
    masked: Sequence[str]
    """Columns of the report that would be masked."""
    unseen: Sequence[str]
    """Formats that the tenant has had no such report in."""


@dataclass(frozen=True)
class Note:
    """One thing to know: its code and values are for programs with words of their own, its text for everybody else."""

    code: str
    text: str
    values: Mapping[str, Any] = field(default_factory=dict)


def write_notes(facts: Facts) -> list[Note]:
    """Returns them, what keeps the report from being made first."""
    return [*_quota_notes(facts), *_size_notes(facts), *_doubts(facts)]


def _quota_notes(facts: Facts) -> Iterator[Note]:
    room, rows = facts.room, facts.counted.rows
    if room.live >= room.live_most:
        text = f"{room.live} of your reports are waiting or under way, which is your limit: it would be refused now."
        yield Note("live-reports-used-up", text, {"live": room.live})
    left = max(0, room.rows_most - room.rows)
    if left == 0:
        text = f"Today's reports have used up your {room.rows_most:,} rows a day: it would be refused until 00:00 UTC."
        yield Note("rows-used-up", text, {"most": room.rows_most})
    elif rows > left:
        text = (
            f"It has more rows than are left of your {room.rows_most:,} a day ({left:,}): it would fail. "
            "Narrow the filters, or ask after 00:00 UTC."
        )
        yield Note("rows-too-many", text, {"most": room.rows_most, "left": left})


def _size_notes(facts: Facts) -> Iterator[Note]:
    rows = facts.counted.rows
    if rows == 0 and facts.counted.is_exact:
        yield Note("no-rows", "No rows match: the report would be empty.")
    if "XLSX" in facts.formats and rows > MOST_ROWS - 1:
        sheets = ceil(rows / (MOST_ROWS - 1))
        text = f"A spreadsheet's sheet holds {MOST_ROWS - 1:,} rows: the workbook has {sheets} sheets of rows."
        yield Note("sheets", text, {"most": MOST_ROWS - 1, "sheets": sheets})
    usable = facts.worker_seconds * _USABLE
    if facts.seconds > usable:
        times = ceil(facts.seconds / usable) - 1
        text = (
            f"It takes longer than one invocation of a worker has ({facts.worker_seconds:,} s): it is handed over to "
            f"the next one, about {times:,} times, and begins anew if its data change."
        )
        yield Note("handovers", text, {"seconds": facts.worker_seconds, "times": times})


def _doubts(facts: Facts) -> Iterator[Note]:
    if not facts.counted.is_exact:
        text = "Counting would take too long: the rows are the database planner's guess, and all else follows from it."
        yield Note("not-counted", text)
    if facts.unseen:
        text = (
            f"You have had no report of this type as {', '.join(facts.unseen)} lately: sizes are by what was measured "
            "of another, and may be some times too large or too small."
        )
        yield Note("first-of-format", text, {"formats": list(facts.unseen)})
    if facts.masked:
        text = f"Masked for you, as you lack personal:read: {', '.join(facts.masked)}."
        yield Note("masked", text, {"columns": list(facts.masked)})
