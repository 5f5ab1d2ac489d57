"""When a schedule runs: a word or a cron expression, in a time zone, as moments in UTC. No database, no clock.

An expression is about local time, and a day on which clocks are set has local times that do not exist, or come twice.
One that does not exist runs once, at the next moment that does; several that fall on the same moment run once. One that
comes twice runs the first time. So cronsim is given times without a zone, and only ever finds local ones: with a zone
it does as Debian's cron does, which treats `*` otherwise than a number.
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

from resma.errors import FieldError, RequestInvalidError
from resma.i18n.time_zones import is_time_zone, unknown_time_zone

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
    """One time to run."""

    at: datetime
    """In UTC."""
    wanted: datetime
    """The local time that the schedule names, without a zone. Where it does not exist, `at` is a later one."""

    def clock_change_detail(self, zone: ZoneInfo) -> str | None:
        """What is odd about it, for people."""
        local = self.at.astimezone(zone).replace(tzinfo=None)
        if local != self.wanted:
            return f"moved: {self.wanted:%H:%M} does not exist on that day"
        if self.wanted.replace(tzinfo=zone, fold=1).astimezone(UTC) > self.at:
            return f"twice: {local:%H:%M} comes again later on that day, which does not count"
        return None


@dataclass(frozen=True)
class ScheduleTiming:
    """When a schedule runs. Made by `read_timing`, which checks it."""

    when: str
    """A word or a cron expression of five fields."""
    at: str | None
    """The time of a word, HH:MM."""
    time_zone: str
    calendar: str | None = None
    """ISO code of a country, whose public holidays are no business days."""

    @property
    def zone(self) -> ZoneInfo:
        """The time zone itself."""
        return ZoneInfo(self.time_zone)

    def runs_after(self, timestamp: datetime) -> Iterator[RunTime]:
        """The runs after a moment, the earliest first, without end; none where there is none within 50 years."""
        zone = self.zone
        # A local time up to this one was there at this moment at the latest.
        local_times = self._local_times(timestamp.astimezone(zone).replace(tzinfo=None))
        for at, wanted in groupby(local_times, lambda local: earliest_utc(local, zone)):
            if at > timestamp:
                yield _make_run(at, list(wanted), zone)

    def last_run(self, first: datetime, until: datetime) -> datetime:
        """The last run up to a moment, given an earlier one. Looks back in steps: years cost no more than hours."""
        for hours in (1, 24, 24 * 32, 24 * 400):
            start = max(first, until - timedelta(hours=hours))
            if found := list(self.count_runs(start, until)):
                return found[-1]
        return max(self.count_runs(first, until), default=first)

    def count_runs(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The runs after a moment and up to another."""
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
    """Checks when a schedule shall run. Raises RequestInvalidError with all that is wrong."""
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
    """The first moment, in UTC, at which the clocks of a zone show this time or a later one."""
    aware = local.replace(tzinfo=zone)  # fold 0: the first of two
    timestamp = aware.astimezone(UTC)
    if timestamp.astimezone(zone).replace(tzinfo=None) == local:
        return timestamp
    # It does not exist. With the offset from before the clocks are set it is after that moment, with the one from after
    # it is before (PEP 495).
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
    """The first day, from the month's first on, that is from Monday to Friday and no public holiday."""
    day = month
    while day.weekday() >= 5 or (calendar is not None and day in _holidays(calendar, day.year)):
        day += timedelta(days=1)
    return day


def _make_run(at: datetime, wanted: list[datetime], zone: ZoneInfo) -> RunTime:
    """Of the local times that fall on a moment, the one that is there then, or the first of those that are not."""
    if len(wanted) > 1 and (local := at.astimezone(zone).replace(tzinfo=None)) in wanted:
        return RunTime(at, local)
    return RunTime(at, wanted[0])


def _check_expression(when: str) -> Iterator[FieldError]:
    example = "minute, hour, day of the month, month, day of the week, like 30 6 * * 1"
    if _EXPRESSION.fullmatch(when) is None:
        yield FieldError(
            "/when", f"It must be one of {', '.join(WORDS)}, or a cron expression of five fields: {example}."
        )
        return
    try:
        runs = next(CronSim(when, datetime(2024, 1, 1)), None)  # noqa: DTZ001  # local, of no zone
    except CronSimError as error:
        field = str(error).removeprefix("Bad ")
        never = ", or never comes in its months" if field == "day-of-month" else ""
        yield FieldError("/when", f"Its {field} is not valid{never}. The fields are {example}.")
        return
    if runs is None:
        yield FieldError("/when", "It never occurs: there is no such day within 50 years.")


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
