"""Times of the runs of a schedule: a keyword or a cron expression, in a time zone, converted to UTC.

Expressions name local times. On days on which clocks change, some local times do not exist and others occur twice. A
time that does not exist runs once, at the next time that exists; several that result in the same time run once. A time
that occurs twice runs at its first occurrence. Therefore cronsim gets local times without a zone: with a zone it
follows Debian's cron, which treats `*` differently from a number. This module uses neither a database nor a clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from resma.i18n.time_zones import is_time_zone, unknown_time_zone
from resma.request_errors import FieldError, RequestInvalidError

Word = Literal["daily", "weekly", "monthly", "first-business-day"]
WORDS: tuple[str, ...] = get_args(Word)
DEFAULT_AT = "06:00"

_DAYS = {"daily": "* * *", "weekly": "* * 1", "monthly": "1 * *"}
_FIVE_FIELDS = r"[0-9A-Za-z*/,#-]+( +[0-9A-Za-z*/,#-]+){4}"
_EXPRESSION = re.compile(_FIVE_FIELDS)
WHEN_PATTERN = f"^({'|'.join(WORDS)}|{_FIVE_FIELDS})$"
"""Pattern of a JSON Schema for `when`."""
_AT = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


@dataclass(frozen=True)
class RunTime:
    """Time of one run."""

    at: datetime
    """Timestamp of the run in UTC."""
    local_time: datetime
    """Local time that the schedule names, without a zone. If it does not exist, `at` is later."""

    def clock_change_detail(self, zone: ZoneInfo) -> str | None:
        """Returns a sentence if a clock change affects the run, otherwise None."""
        local = self.at.astimezone(zone).replace(tzinfo=None)
        if local != self.local_time:
            return f"The run is later, because {self.local_time:%H:%M} does not exist on that day."
        if self.local_time.replace(tzinfo=zone, fold=1).astimezone(UTC) > self.at:
            return f"{local:%H:%M} occurs twice on that day. The run is at the first occurrence."
        return None


@dataclass(frozen=True)
class ScheduleTiming:
    """Timing of the runs of a schedule. `read_timing` creates and validates it."""

    when: str
    """A keyword or a cron expression of five fields."""
    at: str | None
    """Time of day for a keyword, HH:MM."""
    time_zone: str
    calendar: str | None = None
    """ISO code of a country whose public holidays do not count as business days."""

    @property
    def zone(self) -> ZoneInfo:
        """The time zone as an object."""
        return ZoneInfo(self.time_zone)

    def runs_after(self, timestamp: datetime) -> Iterator[RunTime]:
        """Yields the runs after a timestamp, the earliest first. It ends if no run follows within 50 years."""
        zone = self.zone
        # Local times up to this one have a UTC time up to `timestamp`.
        local_times = self._local_times(timestamp.astimezone(zone).replace(tzinfo=None))
        for at, same_time in groupby(local_times, lambda local: earliest_utc(local, zone)):
            if at > timestamp:
                yield _make_run(at, list(same_time), zone)

    def last_run(self, first: datetime, until: datetime) -> datetime:
        """Returns the last run up to `until`; `first` is the time of an earlier run.

        It searches backwards in growing steps, so that many years do not take longer than hours.
        """
        for hours in (1, 24, 24 * 32, 24 * 400):
            start = max(first, until - timedelta(hours=hours))
            if runs := list(self.run_times(start, until)):
                return runs[-1]
        return max(self.run_times(first, until), default=first)

    def run_times(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yields the UTC times of the runs after `after` and up to `until`."""
        for run in self.runs_after(after):
            if run.at > until:
                return
            yield run.at

    def _local_times(self, after: datetime) -> Iterator[datetime]:
        if self.when != "first-business-day":
            expression = self.when if self.at is None else f"{int(self.at[3:])} {int(self.at[:2])} {_DAYS[self.when]}"
            return iter(CronSim(expression, after))
        return self._first_business_days(after)

    def _first_business_days(self, after: datetime) -> Iterator[datetime]:
        at = time.fromisoformat(self.at or DEFAULT_AT)
        month = after.date().replace(day=1)
        while True:
            local = datetime.combine(first_business_day(month, self.calendar), at)
            if local > after:
                yield local
            month = (month + timedelta(days=31)).replace(day=1)


def read_timing(when: str, at: str | None, time_zone: str, calendar: str | None) -> ScheduleTiming:
    """Validates the timing of a schedule. Raises RequestInvalidError with all validation errors."""
    is_word = when in WORDS
    field_errors = [] if is_word else list(_check_expression(when))
    if at is not None and not is_word:
        field_errors.append(
            FieldError("/at", f"Remove it: it is for {', '.join(WORDS)}. A cron expression has its own time.")
        )
    elif at is not None and _AT.fullmatch(at) is None:
        field_errors.append(FieldError("/at", "It must be a time in the form HH:MM, from 00:00 to 23:59."))
    if not is_time_zone(time_zone):
        field_errors.append(FieldError("/timeZone", unknown_time_zone(time_zone)))
    if calendar is not None:
        field_errors += _check_calendar(when, calendar)
    if field_errors:
        raise RequestInvalidError.of(field_errors)
    return ScheduleTiming(when, (at or DEFAULT_AT) if is_word else None, time_zone, calendar)


def earliest_utc(local: datetime, zone: ZoneInfo) -> datetime:
    """Returns the first timestamp, in UTC, at which clocks in the zone show this local time or a later one."""
    aware = local.replace(tzinfo=zone)  # fold 0: the first of two occurrences
    timestamp = aware.astimezone(UTC)
    if timestamp.astimezone(zone).replace(tzinfo=None) == local:
        return timestamp
    # The local time does not exist. With the offset before the clock change its timestamp is after the change, and with
    # the offset after the change it is before (PEP 495).
    before, after = aware.replace(fold=1).astimezone(UTC), timestamp
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).replace(tzinfo=None) < local:
            before = middle
        else:
            after = middle
    return after


def first_business_day(month: date, calendar: str | None) -> date:
    """Returns the first day of a month from Monday to Friday that is not a public holiday; `month` is its first day."""
    day = month
    while day.weekday() >= 5 or (calendar is not None and day in _holidays(calendar, day.year)):
        day += timedelta(days=1)
    return day


def _make_run(at: datetime, local_times: list[datetime], zone: ZoneInfo) -> RunTime:
    """Returns the run for several local times with the same UTC time, with the one that exists, or else the first."""
    if len(local_times) > 1 and (local := at.astimezone(zone).replace(tzinfo=None)) in local_times:
        return RunTime(at, local)
    return RunTime(at, local_times[0])


def _check_expression(when: str) -> Iterator[FieldError]:
    example = "minute, hour, day of the month, month, day of the week, like 30 6 * * 1"
    if _EXPRESSION.fullmatch(when) is None:
        yield FieldError(
            "/when", f"It must be one of {', '.join(WORDS)}, or a cron expression of five fields: {example}."
        )
        return
    try:
        runs = next(CronSim(when, datetime(2024, 1, 1)), None)  # noqa: DTZ001  # a local time without a zone
    except CronSimError as error:
        field = str(error).removeprefix("Bad ")
        never = ", or never occurs in its months" if field == "day-of-month" else ""
        yield FieldError("/when", f"Its {field} is not valid{never}. The fields are {example}.")
        return
    if runs is None:
        yield FieldError("/when", "It never occurs: no day within 50 years matches.")


def _check_calendar(when: str, calendar: str) -> Iterator[FieldError]:
    if when != "first-business-day":
        yield FieldError("/calendar", "Remove it: it is for first-business-day.")
    elif not _is_country(calendar):
        yield FieldError("/calendar", "It must be the ISO 3166 code of a country whose holidays are known, like BR.")


def _is_country(code: str) -> bool:
    from holidays import list_supported_countries  # noqa: PLC0415  # slow, and rarely needed

    return code in list_supported_countries(include_aliases=False)


@lru_cache(maxsize=64)
def _holidays(calendar: str, year: int) -> frozenset[date]:
    from holidays import country_holidays  # noqa: PLC0415  # slow, and rarely needed

    return frozenset(country_holidays(calendar, years=year))
