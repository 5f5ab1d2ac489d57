"""Serial numbers of dates and times in Excel: the number of days since 1899-12-30, with the time as a fraction.

This holds only from 1900-03-01 on, because Excel has a 29 February 1900 (ECMA-376 Part 1 §18.17.4.1).

Times are cut to whole seconds, which is what cells display: Excel and many readers round, so that a fraction after the
last second of a day would become the next day.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any, Final

_DAY_0: Final = date(1899, 12, 30).toordinal()
_FIRST: Final = date(1900, 3, 1).toordinal()
_ISO_DAY = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SECONDS = re.compile(rb":([0-5][0-9])(\.[0-9]{1,6})?(?:[+-][0-9:]+)?")

DECIMALS: Final = 11
"""Number of decimals of a time: about as many as a double keeps next to the number of a day. The last is 0.9 µs."""
TIME_BYTES: Final = 1 + DECIMALS
"""Length of a time in the table of all times, such as `.50000000000`."""

_MAX_DURATION: Final = 2_958_466 * 86_400_000_000
"""The serial number of the day after 31 December 9999, in microseconds: Excel displays no larger durations."""

_SECOND: Final = 1_000_000_000
"""A second is `_SECOND` / 864 in units of the last decimal (a day has 86,400 seconds)."""
_EXCESS: Final = 1
"""Added to times that a binary number cannot hold exactly, which makes them 0.3 to 1.2 µs too large. Otherwise
LibreOffice, which cuts seconds instead of rounding them, displayed 1 in 11 times of the 1970s a second early."""
_ROUNDING: Final = 302
"""Added before the division by 864. It makes the smallest excess 0.3 µs, half of the resolution of a double."""
_EXACT: Final = frozenset(part * 10**DECIMALS // 128 for part in range(128))
"""Times that a binary number holds exactly: multiples of 1/128 of a day."""


class NotASerialError(ValueError):
    """The value has no serial number in Excel: BC, infinity, before March 1900 or after 9999."""


class DaySerials(dict[bytes, bytes]):
    """Cached serial numbers of days: `2024-01-01` maps to `45292`. Raises NotASerialError."""

    def __missing__(self, text: bytes) -> bytes:
        if not _ISO_DAY.fullmatch(text):
            raise NotASerialError(text.decode())
        serial = self[text] = b"%d" % day_serial(text.decode())
        return serial


class SecondOffsets(dict[bytes, int]):
    """Maps the rest of a timestamp after its minutes, such as `:07.5+00`, to the byte offset of its whole seconds.

    The offset counts from the start of the minute in the table of all times. The UTC offset is ignored: Excel has no
    time zones, so that times in the report's time zone are displayed. Raises NotASerialError.
    """

    def __missing__(self, text: bytes) -> int:
        match = _SECONDS.fullmatch(text)
        if not match:
            raise NotASerialError(text.decode())
        offset = int(match[1]) * TIME_BYTES
        if not match[2]:  # fractions rarely repeat, so they are not cached
            self[text] = offset
        return offset


MINUTES: Final = {
    b" %02d:%02d" % (hour, minute): (hour * 60 + minute) * 60 * TIME_BYTES for hour in range(24) for minute in range(60)
}
"""Maps ` 12:00` to the byte offset of its first second in the table of all times."""


_PARTS: Final = "<10sxHxHxH%dx"
"""Parts of a timestamp: its day, two characters each for hour, minute and second, and the length of the rest."""
_MARKS: Final = ((10, b" "), (13, b":"), (16, b":"))
_TAIL: Final = 19
"""Index at which the fraction and the UTC offset start."""


@cache
def times_of_day() -> bytes:
    """Returns the decimals of every second of a day in one table of 1 MB, which is created once per process.

    The table is a bytes object, because a dict takes ten times as much memory.
    """
    return b"".join([b".%011d" % _share_of_day(second) for second in range(86_400)])


def day_serial(iso: str) -> int:
    """Returns the serial number of an ISO date. Raises NotASerialError for days before March 1900."""
    ordinal = date.fromisoformat(iso).toordinal()
    if ordinal < _FIRST:
        raise NotASerialError(iso)
    return ordinal - _DAY_0


def timestamp_serial(text: bytes, days: DaySerials, seconds: SecondOffsets) -> bytes:
    """Returns the serial number of a date or timestamp as Postgres prints it. Raises NotASerialError."""
    day, minute = days[text[:10]], text[10:16]
    if not minute:
        return day
    if minute not in MINUTES:
        raise NotASerialError(text.decode())
    at = MINUTES[minute] + seconds[text[16:]]
    return day + times_of_day()[at : at + TIME_BYTES]


def time_serial(text: bytes, seconds: SecondOffsets) -> bytes:
    """Returns the serial number of a time of day, such as `07:30:00.5`. Raises NotASerialError for 24:00:00."""
    minute = b" " + text[:5]
    if minute not in MINUTES:
        raise NotASerialError(text.decode())
    at = MINUTES[minute] + seconds[text[5:]]
    return b"0" + times_of_day()[at : at + TIME_BYTES]


def duration_serial(microseconds: int | None) -> bytes | None:
    """Returns the serial number of a duration; None if Excel cannot display it: negative, or too long, or no duration.

    It is cut to whole seconds, like times.
    """
    if microseconds is None or not 0 <= microseconds < _MAX_DURATION:
        return None
    days, second = divmod(microseconds // 1_000_000, 86_400)
    return b"%d.%011d" % (days, _share_of_day(second))


def timestamp_serials(cells: Sequence[bytes], days: DaySerials, seconds: SecondOffsets) -> list[bytes] | None:
    """Returns `timestamp_serial` of each cell, a quarter faster; None unless all have the same length and ending.

    This is the case if seconds have no fractions. Raises NotASerialError, and TypeError or IndexError for None and for
    values that are not timestamps.
    """
    width = len(cells[0]) + 1
    joined = b"\0".join(cells) + b"\0"
    tail = joined[_TAIL:width]
    same = [*_MARKS, *((_TAIL + at, tail[at : at + 1]) for at in range(len(tail)))]
    if width <= _TAIL or any(joined[at::width] != mark * len(cells) for at, mark in same):
        return None
    seconds[b":00" + tail[:-1]]  # raises NotASerialError unless the tail is a fraction and an offset
    hours, minutes, rest = _offsets()
    times = times_of_day()
    return [
        days[day] + times[(at := hours[hour] + minutes[minute] + rest[second]) : at + TIME_BYTES]
        for day, hour, minute, second in struct.iter_unpack(_PARTS % (width - _TAIL), joined)
    ]


@cache
def _offsets() -> tuple[list[Any], list[Any], list[Any]]:
    """Returns byte offsets of hours, minutes and seconds in the table of all times.

    The index is the two characters as one number; None marks invalid values. Lists, because indexing a list is faster
    than a dict of bytes.
    """
    tables: list[list[Any]] = [[None] * (_number(b"99") + 1) for _ in range(3)]
    for table, count, step in zip(tables, (24, 60, 60), (3600, 60, 1), strict=True):
        for at in range(count):
            table[_number(b"%02d" % at)] = at * step * TIME_BYTES
    return tables[0], tables[1], tables[2]


def _number(two: bytes) -> int:
    return int.from_bytes(two, "little")


def _share_of_day(second: int) -> int:
    share = (second * _SECOND + _ROUNDING) // 864
    return share if share in _EXACT else share + _EXCESS
