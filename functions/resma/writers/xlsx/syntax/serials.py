"""Days and times as Excel keeps them: the days since 1899-12-30, a time as their fraction.

Only from 1900-03-01 on is that so: Excel believes in a 29 February 1900 (ECMA-376 Part 1 §18.17.4.1).

Times are cut to whole seconds, which is what cells show: Excel and many readers round, and a fraction after the last
second of a day would become the next day.
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
"""Of a time: about as many as a double keeps beside a day's number. The last one is 0.9 microseconds."""
TIME_BYTES: Final = 1 + DECIMALS
"""Of a time in the table of all times: `.50000000000`."""

_SECOND: Final = 1_000_000_000
"""A second is this over 864, in the last of the decimals (86,400 seconds a day)."""
_NUDGE: Final = 1
"""What a binary number can't hold is made 0.3 to 1.2 microseconds too large: LibreOffice cuts seconds off and doesn't
round, and showed 1 in 11 times of the 1970s a second early."""
_ROUNDING: Final = 302
"""Over 864: what makes the least difference 0.3 microseconds, half of what a double tells apart."""
_EXACT: Final = frozenset(part * 10**DECIMALS // 128 for part in range(128))
"""Times that a binary number does hold: 128ths of a day."""


class NotASerialError(ValueError):
    """Excel has no number for this: BC, infinity, before March 1900, after 9999."""


class DaySerials(dict[bytes, bytes]):
    """`2024-01-01` to `45292`. Raises NotASerialError. A table, because rows share their days."""

    def __missing__(self, text: bytes) -> bytes:
        if not _ISO_DAY.fullmatch(text):
            raise NotASerialError(text.decode())
        serial = self[text] = b"%d" % day_serial(text.decode())
        return serial


class SecondOffsets(dict[bytes, int]):
    """`:07.5+00`, what a timestamp has after its minutes, to where its whole seconds are among a minute's times.

    The offset is left out: Excel knows no time zones, so people see the report's. Raises NotASerialError.
    """

    def __missing__(self, text: bytes) -> int:
        found = _SECONDS.fullmatch(text)
        if not found:
            raise NotASerialError(text.decode())
        at = int(found[1]) * TIME_BYTES
        if not found[2]:  # fractions are hardly ever the same again
            self[text] = at
        return at


MINUTES: Final = {
    b" %02d:%02d" % (hour, minute): (hour * 60 + minute) * 60 * TIME_BYTES for hour in range(24) for minute in range(60)
}
"""` 12:00` to where its first second is in the table of all times."""


_PARTS: Final = struct.Struct("<10sxHxHxH")
"""Of a timestamp: its day, and hour, minute and second as the two characters of each."""
_MARKS: Final = ((10, b" "), (13, b":"), (16, b":"))
_TAIL: Final = 19
"""Where the fraction and the offset begin."""


@cache
def times_of_day() -> bytes:
    """The decimals of every second of a day, one after the other: 1 MB, made once in a process.

    Bytes and not a dict, which takes ten times as much memory.
    """
    return b"".join([b".%011d" % _share_of_day(second) for second in range(86_400)])


def day_serial(iso: str) -> int:
    """The number of a day given as `2024-01-01`. Raises NotASerialError before March 1900."""
    ordinal = date.fromisoformat(iso).toordinal()
    if ordinal < _FIRST:
        raise NotASerialError(iso)
    return ordinal - _DAY_0


def timestamp_serial(text: bytes, days: DaySerials, seconds: SecondOffsets) -> bytes:
    """The number of a day, or of a timestamp as Postgres prints it. Raises NotASerialError."""
    day, minute = days[text[:10]], text[10:16]
    if not minute:
        return day
    if minute not in MINUTES:
        raise NotASerialError(text.decode())
    at = MINUTES[minute] + seconds[text[16:]]
    return day + times_of_day()[at : at + TIME_BYTES]


def timestamp_serials(cells: Sequence[bytes], days: DaySerials, seconds: SecondOffsets) -> list[bytes] | None:
    """Returns `timestamp_serial` of each, a quarter faster, where all have one length and one end; otherwise None.

    So it is where seconds have no fractions. Raises NotASerialError, and TypeError or IndexError for other texts and
    None.
    """
    width = len(cells[0]) + 1
    joined = b"\0".join(cells) + b"\0"
    tail = joined[_TAIL:width]
    same = [*_MARKS, *((_TAIL + at, tail[at : at + 1]) for at in range(len(tail)))]
    if width <= _TAIL or any(joined[at::width] != mark * len(cells) for at, mark in same):
        return None
    seconds[b":00" + tail[:-1]]  # refuses what is no fraction and offset
    hours, minutes, rest = _offsets()
    times = times_of_day()
    return [
        days[day] + times[(at := hours[hour] + minutes[minute] + rest[second]) : at + TIME_BYTES]
        for day, hour, minute, second in map(_PARTS.unpack_from, cells)
    ]


@cache
def _offsets() -> tuple[list[Any], list[Any], list[Any]]:
    """Where an hour, a minute and a second begin in the table of all times, by their two characters as one number.

    None for what is no hour, minute or second. Lists, because a number is found in them faster than bytes in a dict.
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
    return share if share in _EXACT else share + _NUDGE
