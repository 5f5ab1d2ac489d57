"""Periods relative to the day on which a schedule runs. This module uses neither a database nor a clock."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

from resma.i18n.locales import Weekday

Period = Literal[
    "today",
    "yesterday",
    "this-week",
    "last-week",
    "this-month",
    "last-month",
    "last-quarter",
    "last-year",
    "last-7-days",
    "last-30-days",
]

_DAY = timedelta(days=1)

_WEEKDAYS: dict[Weekday, int] = {"monday": 0, "saturday": 5, "sunday": 6}
"""Numbers of days of the week, as `date.weekday` returns them."""


def days_of(  # noqa: PLR0911  # one return for each period
    period: Period, day: date, week_starts_on: Weekday
) -> tuple[date, date]:
    """Returns the first and last day of a period relative to `day`, both inclusive.

    `this-week` and `this-month` end on that day, because there are no later data.
    `last-7-days` and `last-30-days` end on the day before, so that they contain only complete days.
    """
    week = day - (day.weekday() - _WEEKDAYS[week_starts_on]) % 7 * _DAY
    first = day.replace(day=1)
    match period:
        case "today":
            return day, day
        case "yesterday":
            return day - _DAY, day - _DAY
        case "this-week":
            return week, day
        case "last-week":
            return week - 7 * _DAY, week - _DAY
        case "this-month":
            return first, day
        case "last-month":
            return (first - _DAY).replace(day=1), first - _DAY
        case "last-quarter":
            quarter = date(day.year, day.month - (day.month - 1) % 3, 1)
            return (quarter - 80 * _DAY).replace(day=1), quarter - _DAY
        case "last-year":
            return date(day.year - 1, 1, 1), date(day.year - 1, 12, 31)
        case "last-7-days":
            return day - 7 * _DAY, day - _DAY
        case "last-30-days":
            return day - 30 * _DAY, day - _DAY
