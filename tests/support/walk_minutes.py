"""Computes a schedule's runs in a second way: visits every minute and checks its local time with croniter.

It is slow but simple, and shares no code and no library with `resma.schedules.times`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from croniter import croniter

DAY_MINUTES = 1440
_MINUTE = timedelta(minutes=1)

Matches = Callable[[int], bool]
"""Returns whether a schedule matches a local minute, counted from the year 1."""


@lru_cache
def walk(zone_name: str, begin: datetime, end: datetime) -> list[tuple[datetime, range]]:
    """Returns every minute in UTC with the local minutes that are reached or passed at it for the first time.

    Usually that is one local minute, but none while clocks that were set back show the same times again, and many when
    clocks are set forward: all skipped minutes and the current one.
    """
    zone = ZoneInfo(zone_name)
    timestamp, reached = begin, _number(begin - _MINUTE, zone)
    walked = []
    while timestamp < end:
        local = _number(timestamp, zone)
        walked.append((timestamp, range(reached + 1, local + 1)))
        reached = max(reached, local)
        timestamp += _MINUTE
    return walked


def expected(zone_name: str, begin: datetime, end: datetime, matches: Matches) -> list[datetime]:
    """Returns the runs of a schedule from `begin` until before `end`, with the two rules for changes of the clock."""
    return [timestamp for timestamp, fresh in walk(zone_name, begin, end) if any(map(matches, fresh))]


def by_croniter(expression: str) -> Matches:
    """Returns a matcher for a cron expression, based on croniter; for days it applies the rule of Debian's cron."""
    minute, hour, *days = expression.split()
    minutes, hours = (_values(field, position) for position, field in enumerate((minute, hour)))
    # Both day fields must match if one begins with a star; otherwise one of them is enough.
    day_or = not (days[0].startswith("*") or days[2].startswith("*"))

    @cache
    def is_day(ordinal: int) -> bool:
        day = datetime.combine(date.fromordinal(ordinal), datetime.min.time())
        return bool(croniter.match(f"* * {' '.join(days)}", day, day_or=day_or))

    def matches(local: int) -> bool:
        return local % 60 in minutes and local // 60 % 24 in hours and is_day(local // DAY_MINUTES)

    return matches


@lru_cache
def _values(field: str, position: int) -> frozenset[int]:
    """Returns the values that croniter finds in the field of minutes (position 0) or hours (position 1)."""
    fields = ["*"] * 5
    fields[position] = field
    values = croniter(" ".join(fields)).expanded[position]
    return frozenset(range(60) if values == ["*"] else map(int, values))


def on_days(at: str, is_day: Callable[[date], bool]) -> Matches:
    """Returns a matcher for a time of day on the days for which a function returns True."""
    minute = int(at[:2]) * 60 + int(at[3:])
    return lambda local: local % DAY_MINUTES == minute and is_day(date.fromordinal(local // DAY_MINUTES))


def until(timestamps: Iterator[datetime], end: datetime) -> list[datetime]:
    """Returns the timestamps before `end`."""
    before = []
    for timestamp in timestamps:
        if timestamp >= end:
            break
        before.append(timestamp)
    return before


def year_of(year: int) -> tuple[datetime, datetime]:
    """Returns the first instant of a year and that of the next one, in UTC."""
    return datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)


def _number(timestamp: datetime, zone: ZoneInfo) -> int:
    local = timestamp.astimezone(zone)
    return local.toordinal() * DAY_MINUTES + local.hour * 60 + local.minute
