"""Months as labels of charts over time (`2024-03`, `12024-03`, `0044-03 BC`), in chronological order without gaps."""

from __future__ import annotations

import re
from collections.abc import Iterable

_MAX_FILLED = 1200
"""Maximum number of months between the first and the last for which gaps are filled.

An erroneous date centuries away must not create thousands of labels.
"""

_TIMESTAMP = re.compile(r"([0-9]{4,})-([0-9]{2})-[0-9]{2} [0-9:]+( BC)?")
"""Timestamp without time zone as Postgres prints it, in any year."""
_MONTH = re.compile(r"([0-9]{4,})-([0-9]{2})( BC)?")


def month_label(timestamp: str) -> str:
    """Returns the month of a timestamp that Postgres printed. A value without a month (`infinity`) is unchanged.

    >>> month_label("0044-03-01 00:00:00 BC")
    '0044-03 BC'
    """
    match = _TIMESTAMP.fullmatch(timestamp)
    return f"{match[1]}-{match[2]}{match[3] or ''}" if match else timestamp


def year_of(label: str) -> str:
    """Returns the year of a month: `2024`, `12024`, `0044 BC`. Any other label is returned unchanged."""
    match = _MONTH.fullmatch(label)
    return match[1] + (match[3] or "") if match else label


def is_first_month(label: str) -> bool:
    """Returns whether the label is a January."""
    match = _MONTH.fullmatch(label)
    return match is not None and match[2] == "01"


def all_months(labels: Iterable[str]) -> list[str]:
    """Returns all months from the first to the last, including months without rows.

    Labels that are not months are kept: `-infinity` comes before the months, all others come after them.
    """
    numbers: set[int] = set()
    before: list[str] = []
    after: list[str] = []
    for label in labels:
        if match := _MONTH.fullmatch(label):
            year = 1 - int(match[1]) if match[3] else int(match[1])  # 1 BC is the year before AD 1
            numbers.add(year * 12 + int(match[2]) - 1)
        else:
            (before if label == "-infinity" else after).append(label)
    months = sorted(numbers)
    if months and months[-1] - months[0] <= _MAX_FILLED:
        months = list(range(months[0], months[-1] + 1))
    return [*before, *map(_label, months), *sorted(after)]


def _label(month: int) -> str:
    year, index = divmod(month, 12)
    return f"{year:04}-{index + 1:02}" if year > 0 else f"{1 - year:04}-{index + 1:02} BC"
