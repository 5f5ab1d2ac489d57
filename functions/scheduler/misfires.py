"""What becomes of runs that were missed, as their schedule says. No database, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from resma.schedules.schedule_rows import Schedule, next_run
from resma.schedules.times import ScheduleTiming

LATE = timedelta(minutes=10)
"""A run that the tick comes to later than this was missed. Ticks come each minute; a few may fail, or be slow."""

_COUNTED = 1000
_MOMENT = timedelta(microseconds=1)


SHIFT = timedelta(hours=3)
"""Zones' rules are changed by less."""


@dataclass(frozen=True)
class Plan:
    """What to do of a schedule that is due."""

    run_at: datetime | None
    """The time to run now."""
    done_until: datetime
    """The last time that is done with thereby."""
    detail: str | None = None
    """What is odd about the run."""
    skipped: tuple[datetime, str] | None = None
    """The last time that is skipped, and why, with how many there are."""


def as_known_today(timing: ScheduleTiming, run_at: datetime) -> datetime | None:
    """The time of a run that was set by its zone's rules of then; None where there is none any more.

    A run at midnight that came an hour early would have the period of the day before.
    """
    if next_run(timing, None, run_at - _MOMENT) == run_at:
        return run_at
    return next_run(timing, None, run_at - SHIFT)


def plan_run(schedule: Schedule, now: datetime) -> Plan:
    """Of a schedule whose next run is due: whether that is run, or what stands for it."""
    first = schedule.next_run_at
    assert first is not None  # it is ACTIVE
    if schedule.held_since is not None:
        return Plan(first, first, f"a quota was in the way since {_said(schedule.held_since)}")
    if now - first <= LATE:
        return Plan(first, first)
    if schedule.misfire_policy == "run-all":
        return Plan(first, first, _late(first, now))
    if schedule.misfire_policy == "skip":
        last = schedule.timing.last_run(first, _until(schedule, now - LATE))
        return Plan(None, last, skipped=(last, f"missed: {_count(schedule, first, last)}"))
    latest = schedule.timing.last_run(first, _until(schedule, now))
    if latest == first:
        return Plan(first, first, _late(first, now))
    before = schedule.timing.last_run(first, latest - _MOMENT)
    skipped = (before, f"missed: {_count(schedule, first, before)}; the run for {_said(latest)} stands for all")
    return Plan(latest, latest, _late(latest, now), skipped)


def _until(schedule: Schedule, timestamp: datetime) -> datetime:
    return timestamp if schedule.ends_at is None else min(timestamp, schedule.ends_at)


def _count(schedule: Schedule, first: datetime, last: datetime) -> str:
    runs = 1 + sum(1 for _ in islice(schedule.timing.run_times(first, last), _COUNTED))
    if runs == 1:
        return f"the run for {_said(first)}"
    number = f"more than {_COUNTED}" if runs > _COUNTED else str(runs)
    return f"{number} runs from {_said(first)} to {_said(last)}"


def _late(wanted: datetime, now: datetime) -> str | None:
    return f"missed, and run at {_said(now)}" if now - wanted > LATE else None


def _said(timestamp: datetime) -> str:
    return f"{timestamp:%Y-%m-%d %H:%M} UTC"
