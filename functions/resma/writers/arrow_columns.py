"""Cells as Postgres prints them, turned to Arrow's columns: exact, or refused.

Arrow (through arro3, which is Rust) parses text 5 to 75 ns a cell. It makes NULL of what it can't read, and rounds or
cuts what is finer than the type; here both are errors.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from arro3.core import Array, DataType

from resma.errors import FormatCannotHold
from resma.header import Column

DECIMAL_DIGITS = 38
"""What the widest decimal holds that Parquet's readers all know: 16 bytes."""

_BINARY, _STRING = DataType.binary(), DataType.string()

_ODD_OFFSET = re.compile(rb"[+-]\d\d:\d\d:\d\d$")
"""Local times before there were zones, like -03:06:28: Arrow reads no seconds in an offset."""

_REMEDY = "leave the column out, or ask for another format"

_REASONS = {
    "integer": "is no whole number of 64 bits",
    "amount": "is NaN, infinite or too long",
    "date": "is infinite, before Christ or after the year 9999",
    "timestamp": "is infinite, before Christ or after the year 9999",
    "text": "is not UTF-8",
    "json": "is not UTF-8",
}


class ArrowColumn:
    """Makes the arrays of one column. Raises FormatCannotHold for a column or time zone without a type."""

    def __init__(self, column: Column, time_zone: str) -> None:
        self._column = column
        self.type = _data_type(column, time_zone)
        finer = {"amount": rb"\.\d{%d}" % (column.scale + 1), "date": rb":"}.get(column.kind)
        self._finer = re.compile(finer) if finer else None

    def convert(self, cells: tuple[bytes | None, ...], rows_before: int) -> Array:
        """An array of the column's type. A moment without an offset is one of the report's time zone.

        Raises FormatCannotHold for a cell that has no exact value; `rows_before` is for its message.
        """
        raw = Array(cells, _BINARY)
        array = self._cast(raw)
        if array.null_count != raw.null_count and self._column.kind == "timestamp":
            array = self._cast(Array([_in_utc(cell) for cell in cells], _BINARY))
        if array.null_count != raw.null_count:
            at = next(i for i, cell in enumerate(cells) if cell is not None and not array[i].is_valid)
            raise self._cannot_hold(rows_before + at, _REASONS[self._column.kind])
        if self._finer and self._finer.search(b" ".join(filter(None, cells))):
            at = next(i for i, cell in enumerate(cells) if cell and self._finer.search(cell))
            raise self._cannot_hold(rows_before + at, "is finer than the column's kind or counted scale")
        return array

    def _cast(self, raw: Array) -> Array:
        text = raw.cast(_STRING)
        return text if self._column.kind in {"text", "json"} else text.cast(self.type)

    def _cannot_hold(self, row: int, why: str) -> FormatCannotHold:
        """The cell itself is not shown: errors are logged."""
        place = f"row {row + 1} of column {self._column.name}"
        return FormatCannotHold(f"Parquet can't hold this report: {place} {why}: {_REMEDY}")


def _data_type(column: Column, time_zone: str) -> DataType:
    if column.kind == "integer":
        return DataType.int64()
    if column.kind == "amount":
        if column.scale > DECIMAL_DIGITS:
            why = f"has {column.scale} digits after its mark, and {DECIMAL_DIGITS} fit"
            raise FormatCannotHold(f"Parquet can't hold this report: column {column.name} {why}: {_REMEDY}")
        return DataType.decimal128(DECIMAL_DIGITS, column.scale)
    if column.kind == "date":
        return DataType.date32()
    return _timestamp(time_zone) if column.kind == "timestamp" else _STRING


def _timestamp(time_zone: str) -> DataType:
    moment = DataType.timestamp("us", tz=time_zone)
    try:
        Array([b"2000-01-01 00:00:00+00"], _BINARY).cast(_STRING).cast(moment)
    except Exception as error:  # the library raises nothing narrower
        raise FormatCannotHold(f"Parquet can't hold this report: {time_zone} is no IANA time zone") from error
    return moment


def _in_utc(cell: bytes | None) -> bytes | None:
    """A moment with seconds in its offset as Arrow reads it; what is none is left as it is."""
    if cell is None or not _ODD_OFFSET.search(cell):
        return cell
    try:
        return datetime.fromisoformat(cell.decode()).astimezone(UTC).isoformat().encode()
    except (ValueError, OverflowError):
        return cell
