"""Names of time zones: those of the IANA database, from the system's copy or the package tzdata."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

TIME_ZONE_SCHEMA = {"format": "iana-time-zone", "pattern": "^[A-Za-z][A-Za-z0-9_+/-]*$"}
"""What JSON Schema can say of a name: a validator that does not know the format still refuses what can be none."""

_MAX_SHOWN = 100


def is_time_zone(name: str) -> bool:
    """Whether it is an IANA name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder, or one too long
        return False
    # Names of files that hold no zone, and of the machine's own, which the database would not know.
    return name not in {"localtime", "posixrules", "Factory"} and not name.startswith(("posix/", "right/"))


def unknown_time_zone(name: str) -> str:
    """Says that a time zone is unknown, and what to use instead."""
    return f"Unknown time zone {name[:_MAX_SHOWN]!r}. Use an IANA time zone name such as 'Europe/Lisbon'."


def time_zone_unknown_to_source(name: str) -> str:
    """Says that the database that reports read does not know a time zone, and what to do."""
    return (
        f"The database does not know the time zone {name[:_MAX_SHOWN]!r}. Use another name of the same zone, "
        "or ask the operator to update the database server's time zone data."
    )
