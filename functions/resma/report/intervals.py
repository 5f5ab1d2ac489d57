"""Intervals as Postgres prints them (`intervalstyle` iso_8601): parsed, and in words for files that people read.

Postgres keeps months, days and time apart, because months and days differ in length. Source of the format: ISO 8601
§5.5.2; PostgreSQL documentation, "Interval Output".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from resma.i18n.locales import Locale
from resma.i18n.translations import translate

_ISO = re.compile(
    rb"P(?:(-?[0-9]+)Y)?(?:(-?[0-9]+)M)?(?:(-?[0-9]+)D)?"
    rb"(?:T(?:(-?[0-9]+)H)?(?:(-?[0-9]+)M)?(?:(-?)([0-9]+)(?:\.([0-9]{1,6}))?S)?)?"
)
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval. All parts can be negative, independently of each other."""

    months: int
    days: int
    microseconds: int

    @property
    def duration(self) -> int | None:
        """Length in microseconds, with days of 24 hours; None if there are months, which have no fixed length."""
        return None if self.months else self.days * _DAY + self.microseconds


def parse_interval(cell: bytes) -> Interval | None:
    """Returns an interval that Postgres printed, such as `P1Y2M3DT4H5M6.7S`; None for `infinity` and other text."""
    match = _ISO.fullmatch(cell)
    if match is None:
        return None
    years, months, days, hours, minutes = (int(part or 0) for part in match.groups()[:5])
    sign, whole, fraction = match.groups(b"")[5:]
    seconds = int(whole or 0) * _SECOND + int(fraction.ljust(6, b"0"))
    time = (hours * 60 + minutes) * 60 * _SECOND + (-seconds if sign else seconds)
    return Interval(years * 12 + months, days, time)


def clock(microseconds: int, decimal: str = ".") -> str:
    """Returns a duration as hours, minutes and seconds: `0:05:43.719`, `-26:00:00`."""
    seconds, fraction = divmod(abs(microseconds), _SECOND)
    text = f"{'-' if microseconds < 0 else ''}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return text + f"{decimal}{fraction:06}".rstrip("0") if fraction else text


def interval_in_words(cell: bytes, locale: Locale) -> str:
    """Returns an interval in the locale's language: `1 year 2 months 3 days 4:05:06`. Other text is unchanged.

    Parts that are zero are omitted, and so are words if there is only a time.
    """
    interval = parse_interval(cell)
    if interval is None:
        return cell.decode()
    years, months = divmod(abs(interval.months), 12)
    sign = -1 if interval.months < 0 else 1
    counts = (("year", sign * years), ("month", sign * months), ("day", interval.days))
    parts = [
        f"{count} {translate(unit if abs(count) == 1 else f'{unit}s', locale.language)}"
        for unit, count in counts
        if count
    ]
    if interval.microseconds or not parts:
        parts.append(clock(interval.microseconds, locale.decimal))
    return " ".join(parts)
