"""Another way to when a schedule runs: walk every minute, look at the clock on the wall, ask croniter about it.

Slow and plain, so that it can be believed: it shares no code and no library with `resma.schedules.times`.
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
"""Of a local minute, counted from the year 1: whether a schedule names it."""


@lru_cache
def walk(zone_name: str, begin: datetime, end: datetime) -> list[tuple[datetime, range]]:
    """Every minute in UTC with the local minutes that are over or there for the first time at it.

    Usually that is one. It is none when clocks were set back and show a time again, and many when they were set
    forward: all that were left out, and the one that is there.
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
    """The moments of a schedule from `begin` on and before `end`, by the two rules for days on which clocks are set."""
    return [timestamp for timestamp, fresh in walk(zone_name, begin, end) if any(map(matches, fresh))]


def by_croniter(expression: str) -> Matches:
    """What croniter says. It is asked of each field by itself, of days with the rule of Debian's cron."""
    minute, hour, *days = expression.split()
    minutes, hours = (_values(field, place) for place, field in enumerate((minute, hour)))
    # Both of the fields of days must match where one begins with a star, else one of them.
    day_or = not (days[0].startswith("*") or days[2].startswith("*"))

    @cache
    def is_day(ordinal: int) -> bool:
        day = datetime.combine(date.fromordinal(ordinal), datetime.min.time())
        return bool(croniter.match(f"* * {' '.join(days)}", day, day_or=day_or))

    def matches(local: int) -> bool:
        return local % 60 in minutes and local // 60 % 24 in hours and is_day(local // DAY_MINUTES)

    return matches


@lru_cache
def _values(field: str, place: int) -> frozenset[int]:
    """What croniter makes of a minute (0) or an hour (1)."""
    fields = ["*"] * 5
    fields[place] = field
    values = croniter(" ".join(fields)).expanded[place]
    return frozenset(range(60) if values == ["*"] else map(int, values))


def on_days(at: str, is_day: Callable[[date], bool]) -> Matches:
    """A time of day on the days that a function names."""
    wanted = int(at[:2]) * 60 + int(at[3:])
    return lambda local: local % DAY_MINUTES == wanted and is_day(date.fromordinal(local // DAY_MINUTES))


def until(timestamps: Iterator[datetime], end: datetime) -> list[datetime]:
    """Those before the end."""
    found = []
    for timestamp in timestamps:
        if timestamp >= end:
            break
        found.append(timestamp)
    return found


def year_of(year: int) -> tuple[datetime, datetime]:
    """Begin and end, in UTC."""
    return datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)


def _number(timestamp: datetime, zone: ZoneInfo) -> int:
    local = timestamp.astimezone(zone)
    return local.toordinal() * DAY_MINUTES + local.hour * 60 + local.minute
