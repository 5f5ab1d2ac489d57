"""Whether a reader's cell is the one that was written, in whatever way the reader shows it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from tests.readers.workbooks import Cell

DOUBLE_DIGITS = 17
"""Tell every double from every other."""

_DAY_0 = datetime(1899, 12, 30)  # noqa: DTZ001 - Excel has no zones
_SHOWN = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y")
_XSTRING = re.compile(r"_x([0-9A-Fa-f]{4})_")


def differences(
    expected: Sequence[Sequence[Cell]], found: Sequence[Sequence[Any]], digits: int = DOUBLE_DIGITS
) -> list[str]:
    """What is wrong with a sheet: rows and cells that are empty at the end may be left out.

    `digits`: how many of a number the reader keeps.
    """
    wrong = []
    for row in range(max(len(expected), len(found))):
        left, right = _row(expected, row), _row(found, row)
        for column in range(max(len(left), len(right))):
            cell, seen = _cell(left, column), _cell(right, column)
            if not is_same(cell, seen, digits):
                wrong.append(f"row {row + 1}, column {column + 1}: {cell!r:.80} was read as {seen!r:.80}")
    return wrong


def is_same(cell: Cell, seen: Any, digits: int = DOUBLE_DIGITS) -> bool:
    """Whether `seen` is what was written."""
    if cell is None:
        return seen in (None, "")
    if isinstance(cell, str):
        return isinstance(seen, str) and (seen == cell or unescape(seen) == cell)
    if isinstance(cell, Decimal):
        number = _number(seen)
        return number is not None and f"{number:.{digits}g}" == f"{float(cell):.{digits}g}"
    return _timestamp(seen) == cell


def unescape(text: str) -> str:
    """The escapes of ST_Xstring (ECMA-376 Part 1 §22.9.2.19), which most readers leave."""
    return _XSTRING.sub(lambda found: chr(int(found[1], 16)), text)


def _number(seen: Any) -> float | None:
    if isinstance(seen, str):
        try:
            return float(seen.replace(",", ""))
        except ValueError:
            return None
    return float(seen) if isinstance(seen, int | float | Decimal) else None


def _timestamp(seen: Any) -> datetime | None:
    """A serial number is rounded to milliseconds, as its readers do."""
    if isinstance(seen, dict):
        return datetime.fromisoformat(seen["date"]).replace(tzinfo=None)
    if isinstance(seen, date) and not isinstance(seen, datetime):
        return datetime.combine(seen, time())
    if isinstance(seen, datetime):
        return seen
    for pattern in _SHOWN if isinstance(seen, str) else ():
        try:
            return datetime.strptime(seen, pattern)  # noqa: DTZ007
        except ValueError:
            continue
    try:
        return datetime.fromisoformat(seen)
    except (TypeError, ValueError):
        serial = _number(seen)
    return None if serial is None else _DAY_0 + timedelta(milliseconds=round(serial * 86_400_000))


def _row(rows: Sequence[Sequence[Any]], at: int) -> Sequence[Any]:
    return rows[at] if at < len(rows) else ()


def _cell(cells: Sequence[Any], at: int) -> Any:
    return cells[at] if at < len(cells) else None
