"""Compares cells that a reader returns, in any representation, with the cells that were written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from tests.readers.workbooks import Cell

DOUBLE_DIGITS = 17
"""Number of significant digits that distinguish all doubles."""

_DAY_0 = datetime(1899, 12, 30)  # noqa: DTZ001 - Excel has no zones
_DISPLAY_FORMATS = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y")
_XSTRING = re.compile(r"_x([0-9A-Fa-f]{4})_")


def differences(
    expected: Sequence[Sequence[Cell]], actual: Sequence[Sequence[Any]], digits: int = DOUBLE_DIGITS
) -> list[str]:
    """Returns the differences of a sheet. Readers may omit empty rows and cells at the end.

    `digits` is the number of significant digits that the reader preserves.
    """
    messages = []
    for row in range(max(len(expected), len(actual))):
        left, right = _row(expected, row), _row(actual, row)
        for column in range(max(len(left), len(right))):
            cell, value = _cell(left, column), _cell(right, column)
            if not is_same(cell, value, digits):
                messages.append(f"row {row + 1}, column {column + 1}: {cell!r:.80} was read as {value!r:.80}")
    return messages


def is_same(cell: Cell, value: Any, digits: int = DOUBLE_DIGITS) -> bool:
    """Returns whether the value that a reader returned is the cell that was written."""
    if cell is None:
        return value in (None, "")
    if isinstance(cell, str):
        return isinstance(value, str) and (value == cell or unescape(value) == cell)
    if isinstance(cell, Decimal):
        number = _number(value)
        return number is not None and f"{number:.{digits}g}" == f"{float(cell):.{digits}g}"
    return _timestamp(value) == cell


def unescape(text: str) -> str:
    """Replaces the escapes of ST_Xstring (ECMA-376 Part 1 §22.9.2.19), which most readers do not replace."""
    return _XSTRING.sub(lambda match: chr(int(match[1], 16)), text)


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            return float(value.replace(",", ""))
        except ValueError:
            return None
    return float(value) if isinstance(value, int | float | Decimal) else None


def _timestamp(value: Any) -> datetime | None:
    """Converts a value to a timestamp. Serial numbers are rounded to milliseconds, as readers do."""
    if isinstance(value, dict):
        return datetime.fromisoformat(value["date"]).replace(tzinfo=None)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time())
    if isinstance(value, datetime):
        return value
    for pattern in _DISPLAY_FORMATS if isinstance(value, str) else ():
        try:
            return datetime.strptime(value, pattern)  # noqa: DTZ007
        except ValueError:
            continue
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        serial = _number(value)
    return None if serial is None else _DAY_0 + timedelta(milliseconds=round(serial * 86_400_000))


def _row(rows: Sequence[Sequence[Any]], at: int) -> Sequence[Any]:
    return rows[at] if at < len(rows) else ()


def _cell(cells: Sequence[Any], at: int) -> Any:
    return cells[at] if at < len(cells) else None
