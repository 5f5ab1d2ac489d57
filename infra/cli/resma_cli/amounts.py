"""Formats numbers and durations for people."""

from __future__ import annotations

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def count(number: int, singular: str, plural: str | None = None) -> str:
    """Returns a number with its noun: `1 row`, `2,000 rows`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def duration(seconds: float) -> str:
    """Returns a duration in its two largest units: `45 s`, `3 min 20 s`, `19 h 58 min`, `2 d 3 h`."""
    remaining = max(round(seconds), 0)
    for number, (unit, size) in enumerate(_UNITS):
        if remaining >= size:
            first, rest = divmod(remaining, size)
            smaller = _UNITS[number + 1] if number + 1 < len(_UNITS) else None
            second = rest // smaller[1] if smaller else 0
            return f"{first} {unit} {second} {smaller[0]}" if smaller and second else f"{first} {unit}"
    return "0 s"
