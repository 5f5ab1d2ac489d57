"""Days and times as Excel keeps them: the days since 1899-12-30, a time as their fraction.

Only from 1900-03-01 on is that so: Excel believes in a 29 February 1900 (ECMA-376 Part 1 §18.17.4.1).
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

_DAY_0: Final = date(1899, 12, 30).toordinal()
_FIRST: Final = date(1900, 3, 1).toordinal()
_ISO_DAY = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(rb" ([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,6}))?(?:[+-][0-9:]+)?")
_MICROS_A_DAY: Final = 86_400_000_000

MOST_TIMES = 100_000
"""All seconds of a day are 86,400 and take 12 MB; past this a table begins anew."""


class NotASerial(ValueError):
    """Excel has no number for this: BC, infinity, before March 1900, after 9999."""


class DaySerials(dict[bytes, bytes]):
    """`2024-01-01` to `45292`. Raises NotASerial. A table, because rows share their days."""

    def __missing__(self, text: bytes) -> bytes:
        if not _ISO_DAY.fullmatch(text):
            raise NotASerial(text.decode())
        serial = self[text] = b"%d" % day_serial(text.decode())
        return serial


class TimeSerials(dict[bytes, bytes]):
    """` 12:00:00.5+00`, the rest of a timestamp after its day, to `.500005787037`. Raises NotASerial.

    The offset is left out: Excel knows no time zones, so people see the report's. Twelve digits after the point keep
    the microsecond as well as a double can.
    """

    def __missing__(self, text: bytes) -> bytes:
        found = _TIME.fullmatch(text)
        if not found:
            raise NotASerial(text.decode())
        hours, minutes, seconds, fraction = found.groups()
        micros = ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1_000_000
        if fraction:
            # Hardly ever the same again: not kept.
            return _share_of_day(micros + int(fraction.ljust(6, b"0")))
        if len(self) >= MOST_TIMES:
            self.clear()
        serial = self[text] = _share_of_day(micros)
        return serial


def day_serial(iso: str) -> int:
    """The number of a day given as `2024-01-01`. Raises NotASerial before March 1900."""
    ordinal = date.fromisoformat(iso).toordinal()
    if ordinal < _FIRST:
        raise NotASerial(iso)
    return ordinal - _DAY_0


def _share_of_day(micros: int) -> bytes:
    """Microseconds of a day's 86,400,000,000: `.5` is noon.

    What binary can't hold (all but 128ths of a day) is made 0.3 microseconds too large, less than a double tells
    apart: LibreOffice cuts seconds off and doesn't round, and showed 1 in 25 times of the 1970s a second early.
    """
    share = (micros * 10_000 + 432) // 864
    exact = micros % (_MICROS_A_DAY // 128) == 0
    return (b".%012d" % (share if exact else share + 3)).rstrip(b"0").rstrip(b".")
