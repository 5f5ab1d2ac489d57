"""Misfire policies: decides which runs of a due schedule are run and which are skipped.

Reads neither a database nor a clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from resma.schedules.schedule_rows import Schedule, next_run
from resma.schedules.times import ScheduleTiming

LATE = timedelta(minutes=10)
"""A run that starts later than this is a misfire. The scheduler runs each minute; a few runs may fail or be slow."""

_MAX_COUNTED = 1000
_INSTANT = timedelta(microseconds=1)


SHIFT = timedelta(hours=3)
"""An upper bound of the change of a time zone's offset when its rules change."""


@dataclass(frozen=True)
class RunPlan:
    """What to do about a schedule that is due."""

    run_at: datetime | None
    """The scheduled time of the run to start now; None if no run is to start."""
    done_until: datetime
    """The last scheduled time that is settled by this plan."""
    detail: str | None = None
    """Why the run is late, for its record; None if it is on time."""
    skipped: tuple[datetime, str] | None = None
    """The last scheduled time that is skipped, and a detail that says why and how many are skipped."""


def as_known_today(timing: ScheduleTiming, run_at: datetime) -> datetime | None:
    """Returns the time of a run by the time zone's present rules; None if the schedule has no such run anymore.

    `run_at` was computed by the rules at that time. A run at midnight that started an hour early would have the period
    of the day before.
    """
    if next_run(timing, None, run_at - _INSTANT) == run_at:
        return run_at
    return next_run(timing, None, run_at - SHIFT)


def plan_run(schedule: Schedule, now: datetime) -> RunPlan:
    """Returns what to do about a schedule whose next run is due, by its misfire policy."""
    first = schedule.next_run_at
    assert first is not None  # it is ACTIVE
    if schedule.held_since is not None:
        return RunPlan(first, first, f"The run was delayed by a quota since {_format_time(schedule.held_since)}.")
    if now - first <= LATE:
        return RunPlan(first, first)
    if schedule.misfire_policy == "run-all":
        return RunPlan(first, first, _describe_delay(first, now))
    if schedule.misfire_policy == "skip":
        last = schedule.timing.last_run(first, _until(schedule, now - LATE))
        return RunPlan(None, last, skipped=(last, f"Misfire: {_count(schedule, first, last)} skipped."))
    latest = schedule.timing.last_run(first, _until(schedule, now))
    if latest == first:
        return RunPlan(first, first, _describe_delay(first, now))
    before = schedule.timing.last_run(first, latest - _INSTANT)
    count = _count(schedule, first, before)
    skipped = (before, f"Misfire: {count} skipped. The run for {_format_time(latest)} replaces them.")
    return RunPlan(latest, latest, _describe_delay(latest, now), skipped)


def _until(schedule: Schedule, timestamp: datetime) -> datetime:
    return timestamp if schedule.ends_at is None else min(timestamp, schedule.ends_at)


def _count(schedule: Schedule, first: datetime, last: datetime) -> str:
    runs = 1 + sum(1 for _ in islice(schedule.timing.run_times(first, last), _MAX_COUNTED))
    if runs == 1:
        return f"1 run, for {_format_time(first)},"
    number = f"more than {_MAX_COUNTED}" if runs > _MAX_COUNTED else str(runs)
    return f"{number} runs from {_format_time(first)} to {_format_time(last)}"


def _describe_delay(scheduled_for: datetime, now: datetime) -> str | None:
    return f"Misfire: the run started late, at {_format_time(now)}." if now - scheduled_for > LATE else None


def _format_time(timestamp: datetime) -> str:
    return f"{timestamp:%Y-%m-%d %H:%M} UTC"
