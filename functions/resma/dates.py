"""Checks of dates and timestamps that have the right form but name a month, day or time that does not exist."""

from __future__ import annotations

from calendar import monthrange
from datetime import time


def find_missing_part(text: str) -> str | None:
    """Returns an error message for the first part of a date or timestamp that does not exist; None if all parts exist.

    `text` must have the form YYYY-MM-DD or the form of an RFC 3339 timestamp.
    """
    year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
    if year == 0:
        return "The year 0000 does not exist. Use 0001 or a later one."
    if not 1 <= month <= 12:
        return f"The month {month:02} does not exist. Use 01 to 12."
    last = monthrange(year, month)[1]
    if not 1 <= day <= last:
        return f"The day {day:02} does not exist in {text[:7]}. Use 01 to {last}."
    try:
        time.fromisoformat(text[11:19] or "00:00")
    except ValueError:
        return f"The time {text[11:19]} does not exist. Use 00:00:00 to 23:59:59."
    return None
