"""What is wrong with dates and timestamps that have the right form: a month, a day or a time that does not exist."""

from __future__ import annotations

from calendar import monthrange
from datetime import time


def find_missing_part(text: str) -> str | None:
    """Says which part of a date, or of a timestamp that begins with one, does not exist; None if all parts do.

    `text` must have the form YYYY-MM-DD, or that of RFC 3339.
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
