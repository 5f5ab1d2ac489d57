"""Names of time zones that the database knows too."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

ADVICE = "give the name of an IANA time zone, like America/Sao_Paulo"


def is_time_zone(name: str) -> bool:
    """Whether it is an IANA name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder, or one too long
        return False
    # Names of files that hold no zone, and of the machine's own, which the database would not know.
    return name not in {"localtime", "posixrules", "Factory"} and not name.startswith(("posix/", "right/"))
