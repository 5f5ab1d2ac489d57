"""Timestamps: how the command line reads them from people, and how it shows them."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from resma_cli.exit_codes import CommandFailedError, ExitCode

ZONE_VARIABLE = "RESMA_TIME_ZONE"

_UNITS = {"s": "seconds", "m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DAYS = {"today": 0, "yesterday": 1}
_EXAMPLES = "2026-11-30, 2026-11-30T18:00, 2026-11-30T18:00:00Z, today, yesterday, or a time ago like 90m, 12h or 7d"


def find_zone(name: str | None = None) -> tuple[tzinfo, str]:
    """Returns a time zone and its name: `name`, RESMA_TIME_ZONE, or UTC.

    Raises CommandFailedError for an unknown one.
    """
    wanted = name or os.environ.get(ZONE_VARIABLE) or "UTC"
    if wanted == "UTC":
        return UTC, wanted
    try:
        return ZoneInfo(wanted), wanted
    except (OSError, ValueError, KeyError) as error:  # ZoneInfoNotFoundError is a KeyError
        detail = f"Unknown time zone `{wanted}`. Use an IANA name such as Europe/Lisbon."
        raise CommandFailedError(ExitCode.USAGE, detail) from error


def read_timestamp(text: str, option: str, *, zone_name: str | None = None, now: datetime | None = None) -> str:
    """Returns a timestamp as the API takes it (RFC 3339), from what people write.

    Dates, and times without an offset, are in `zone_name`, RESMA_TIME_ZONE or UTC; a date is its midnight.
    Raises CommandFailedError, naming the option.
    """
    zone = find_zone(zone_name)[0]
    try:
        found = _read(text.strip().lower(), zone, now or datetime.now(UTC))
        return found.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        detail = f"`{option} {text}` is not a date or time. Use one like {_EXAMPLES}."
        raise CommandFailedError(ExitCode.USAGE, detail) from None


def _read(said: str, zone: tzinfo, now: datetime) -> datetime:
    if (days := _DAYS.get(said)) is not None:
        return datetime.combine(now.astimezone(zone).date() - timedelta(days=days), time(), zone)
    if ago := re.fullmatch(r"([0-9]{1,6}) ?(s|m|min|h|d|w)(?: ago)?", said):
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    if not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])", said):
        raise ValueError(said)
    found = datetime.fromisoformat(said.upper())
    return found if found.tzinfo else found.replace(tzinfo=zone)


def show_timestamp(text: str | None, *, zone_name: str | None = None, with_zone: bool = True) -> str:
    """A timestamp of the API as `2026-11-30 18:00:00 UTC`, in `zone_name`, RESMA_TIME_ZONE or UTC; empty for None.

    Without the zone's name, for a column that names it, it is also without seconds.
    """
    if not text:
        return ""
    zone, name = find_zone(zone_name)
    at = datetime.fromisoformat(text).astimezone(zone)
    return f"{at:%Y-%m-%d %H:%M:%S} {name}" if with_zone else f"{at:%Y-%m-%d %H:%M}"
