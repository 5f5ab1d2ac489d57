"""What to know before asking for a report, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

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


def write_notes(facts: Facts) -> list[str]:
    """Returns them, what keeps the report from being made first."""
    return [*_quota_notes(facts), *_size_notes(facts), *_doubts(facts)]


def _quota_notes(facts: Facts) -> Iterator[str]:
    room, rows = facts.room, facts.counted.rows
    if room.live >= room.live_most:
        yield f"{room.live} of your reports are waiting or under way, which is your limit: it would be refused now."
    left = max(0, room.rows_most - room.rows)
    if left == 0:
        yield f"Today's reports have used up your {room.rows_most:,} rows a day: it would be refused until 00:00 UTC."
    elif rows > left:
        yield (
            f"It has more rows than are left of your {room.rows_most:,} a day ({left:,}): it would fail. "
            "Narrow the filters, or ask after 00:00 UTC."
        )


def _size_notes(facts: Facts) -> Iterator[str]:
    rows = facts.counted.rows
    if rows == 0 and facts.counted.is_exact:
        yield "No rows match: the report would be empty."
    if "XLSX" in facts.formats and rows > MOST_ROWS - 1:
        sheets = ceil(rows / (MOST_ROWS - 1))
        yield f"A spreadsheet's sheet holds {MOST_ROWS - 1:,} rows: the workbook has {sheets} sheets of rows."
    usable = facts.worker_seconds * _USABLE
    if facts.seconds > usable:
        yield (
            f"It takes longer than one invocation of a worker has ({facts.worker_seconds:,} s): it is handed over to "
            f"the next one, about {ceil(facts.seconds / usable) - 1:,} times, and begins anew if its data change."
        )


def _doubts(facts: Facts) -> Iterator[str]:
    if not facts.counted.is_exact:
        yield "Counting would take too long: the rows are the database planner's guess, and all else follows from it."
    if facts.unseen:
        yield (
            f"You have had no report of this type as {', '.join(facts.unseen)} lately: sizes are by what was measured "
            "of another, and may be some times too large or too small."
        )
    if facts.masked:
        yield f"Masked for you, as you lack personal:read: {', '.join(facts.masked)}."
