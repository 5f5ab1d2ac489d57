"""Reads and formats timestamps on the command line."""

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
    """Returns a time zone and its name, from `name`, RESMA_TIME_ZONE, or UTC.

    Raises CommandFailedError if the time zone is unknown.
    """
    zone_name = name or os.environ.get(ZONE_VARIABLE) or "UTC"
    if zone_name == "UTC":
        return UTC, zone_name
    try:
        return ZoneInfo(zone_name), zone_name
    except (OSError, ValueError, KeyError) as error:  # ZoneInfoNotFoundError is a KeyError
        detail = f"Unknown time zone `{zone_name}`. Use an IANA name such as Europe/Lisbon."
        raise CommandFailedError(ExitCode.USAGE, detail) from error


def read_timestamp(text: str, option: str, *, zone_name: str | None = None, now: datetime | None = None) -> str:
    """Returns a timestamp of the command line in the API's form (RFC 3339).

    Dates and times without an offset are in `zone_name`, RESMA_TIME_ZONE or UTC. A date means its midnight.
    Raises CommandFailedError, which names the option, if the text is not a timestamp.
    """
    zone = find_zone(zone_name)[0]
    try:
        timestamp = _read(text.strip().lower(), zone, now or datetime.now(UTC))
        return timestamp.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        detail = f"`{option} {text}` is not a date or time. Use one like {_EXAMPLES}."
        raise CommandFailedError(ExitCode.USAGE, detail) from None


def _read(text: str, zone: tzinfo, now: datetime) -> datetime:
    if (days := _DAYS.get(text)) is not None:
        return datetime.combine(now.astimezone(zone).date() - timedelta(days=days), time(), zone)
    if ago := re.fullmatch(r"([0-9]{1,6}) ?(s|m|min|h|d|w)(?: ago)?", text):
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    if not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])", text):
        raise ValueError(text)
    timestamp = datetime.fromisoformat(text.upper())
    return timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=zone)


def show_timestamp(text: str | None, *, zone_name: str | None = None, with_zone: bool = True) -> str:
    """Formats a timestamp of the API as `2026-11-30 18:00:00 UTC`, in `zone_name`, RESMA_TIME_ZONE or UTC.

    Without `with_zone`, the time zone and the seconds are omitted. Returns an empty string for None.
    """
    if not text:
        return ""
    zone, name = find_zone(zone_name)
    local = datetime.fromisoformat(text).astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M:%S} {name}" if with_zone else f"{local:%Y-%m-%d %H:%M}"
