"""Months as labels of charts over time: `2024-03`, `12024-03`, `0044-03 BC`, in the order of time and without gaps."""

from __future__ import annotations

import re
from collections.abc import Iterable

_MAX_FILLED = 1200
"""Months between the first and the last: a stray date centuries away must not make a million labels."""

_TIMESTAMP = re.compile(r"([0-9]{4,})-([0-9]{2})-[0-9]{2} [0-9:]+( BC)?")
"""A timestamp without time zone as Postgres prints it, of any year that it has."""
_MONTH = re.compile(r"([0-9]{4,})-([0-9]{2})( BC)?")


def month_label(timestamp: str) -> str:
    """Returns the month of a timestamp as Postgres prints it; what has none (`infinity`) stays as it is.

    >>> month_label("0044-03-01 00:00:00 BC")
    '0044-03 BC'
    """
    found = _TIMESTAMP.fullmatch(timestamp)
    return f"{found[1]}-{found[2]}{found[3] or ''}" if found else timestamp


def year_of(label: str) -> str:
    """Returns the year of a month: `2024`, `12024`, `0044 BC`; what is no month stays as it is."""
    found = _MONTH.fullmatch(label)
    return found[1] + (found[3] or "") if found else label


def is_first_month(label: str) -> bool:
    """Returns whether the label is the January of any year."""
    found = _MONTH.fullmatch(label)
    return found is not None and found[2] == "01"


def all_months(labels: Iterable[str]) -> list[str]:
    """Returns all months from the first to the last, so that a month without rows shows as one.

    What is no month is kept: `-infinity` before them, all else after them.
    """
    numbers: set[int] = set()
    before: list[str] = []
    after: list[str] = []
    for label in labels:
        if found := _MONTH.fullmatch(label):
            year = 1 - int(found[1]) if found[3] else int(found[1])  # 1 BC is before 1 AD
            numbers.add(year * 12 + int(found[2]) - 1)
        else:
            (before if label == "-infinity" else after).append(label)
    months = sorted(numbers)
    if months and months[-1] - months[0] <= _MAX_FILLED:
        months = list(range(months[0], months[-1] + 1))
    return [*before, *map(_label, months), *sorted(after)]


def _label(month: int) -> str:
    year, at = divmod(month, 12)
    return f"{year:04}-{at + 1:02}" if year > 0 else f"{1 - year:04}-{at + 1:02} BC"
