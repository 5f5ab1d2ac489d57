"""Names of time zones in the IANA database, read from the system's copy or from the package tzdata."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

TIME_ZONE_SCHEMA = {"format": "iana-time-zone", "pattern": "^[A-Za-z][A-Za-z0-9_+/-]*$"}
"""JSON Schema of a time zone name. The pattern lets validators that ignore the format reject impossible names."""

_MAX_SHOWN = 100


def is_time_zone(name: str) -> bool:
    """Returns whether the name is an IANA time zone name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name is that of a folder, or too long
        return False
    # Exclude files that hold no zone, and the machine's own zone, whose name Postgres does not know.
    return name not in {"localtime", "posixrules", "Factory"} and not name.startswith(("posix/", "right/"))


def unknown_time_zone(name: str) -> str:
    """Returns the error message for an unknown time zone."""
    return f"Unknown time zone {name[:_MAX_SHOWN]!r}. Use an IANA time zone name such as 'Europe/Lisbon'."


def time_zone_unknown_to_source(name: str) -> str:
    """Returns the error message for a time zone that is unknown to the database from which reports are read."""
    return (
        f"The database does not know the time zone {name[:_MAX_SHOWN]!r}. Use another name of the same zone, "
        "or ask the operator to update the database server's time zone data."
    )
