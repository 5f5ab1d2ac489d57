"""Cells as Postgres prints them, turned to Arrow's columns: exact, or refused.

Arrow (through arro3, which is Rust) parses text 5 to 75 ns a cell. It makes NULL of what it can't read, and rounds or
cuts what is finer than the type; here both are errors. Types are the same for every report of a type (see `Column`).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from arro3.core import Array, DataType

from resma.errors import FormatLimitError
from resma.report.header import Column

_BINARY, _STRING = DataType.binary(), DataType.string()

_ODD_OFFSET = re.compile(rb"[+-]\d\d:\d\d:\d\d$")
"""Local times before there were zones, like -03:06:28: Arrow reads no seconds in an offset."""

_REASONS = {
    "integer": "is not an integer of 64 bits",
    "date": "is infinite, before the year 1 or after the year 9999",
    "timestamp": "is infinite, before the year 1 or after the year 9999",
    "text": "is not UTF-8",
    "json": "is not UTF-8",
}
_REMEDY = "leave the column out, or use another format"


class ArrowColumn:
    """Makes the arrays of one column. Raises FormatLimitError for a column or time zone without a type."""

    def __init__(self, column: Column, time_zone: str) -> None:
        self._column = column
        self.type = _data_type(column, time_zone)
        # Zeros after the scale are no digits that would be lost.
        finer = {"amount": rb"\.\d{%d}\d*[1-9]" % column.decimal.scale, "date": rb":"}.get(column.kind)
        self._finer = re.compile(finer) if finer else None

    def convert(self, cells: tuple[bytes | None, ...], rows_before: int) -> Array:
        """An array of the column's type. A moment without an offset is one of the report's time zone.

        Raises FormatLimitError for a cell that has no exact value; `rows_before` is for its message.
        """
        raw = Array(cells, _BINARY)
        array = self._cast(raw)
        if array.null_count != raw.null_count and self._column.kind == "timestamp":
            array = self._cast(Array([_in_utc(cell) for cell in cells], _BINARY))
        if array.null_count != raw.null_count:
            at = next(i for i, cell in enumerate(cells) if cell is not None and not array[i].is_valid)
            raise self._cannot_hold(rows_before + at)
        if self._finer and self._finer.search(b" ".join(filter(None, cells))):
            at = next(i for i, cell in enumerate(cells) if cell and self._finer.search(cell))
            raise self._cannot_hold(rows_before + at)
        return array

    def _cast(self, raw: Array) -> Array:
        text = raw.cast(_STRING)
        return text if self._column.kind in {"text", "json"} else text.cast(self.type)

    def _cannot_hold(self, row: int) -> FormatLimitError:
        """The cell itself is not shown: errors are logged."""
        column, number = self._column, row + 1
        why, remedy = _REASONS.get(column.kind, ""), _REMEDY
        if column.kind == "amount":
            why = f"does not fit {column.decimal}, or is NaN or infinite"
            remedy = f"set precision and scale in report.toml to what its values need, {_REMEDY}"
        detail = f"Parquet cannot hold row {number} of column {column.name}, which {why}: {remedy}."
        return FormatLimitError(detail, column=column.name, row=number)


def _data_type(column: Column, time_zone: str) -> DataType:
    if column.kind == "integer":
        return DataType.int64()
    if column.kind == "amount":
        return DataType.decimal128(column.decimal.precision, column.decimal.scale)
    if column.kind == "date":
        return DataType.date32()
    return _timestamp(time_zone) if column.kind == "timestamp" else _STRING


def _timestamp(time_zone: str) -> DataType:
    timestamp = DataType.timestamp("us", tz=time_zone)
    try:
        Array([b"2000-01-01 00:00:00+00"], _BINARY).cast(_STRING).cast(timestamp)
    except Exception as error:  # the library raises nothing narrower
        raise FormatLimitError(f"Unknown time zone {time_zone!r}. Use an IANA name such as 'Europe/Lisbon'.") from error
    return timestamp


def _in_utc(cell: bytes | None) -> bytes | None:
    """A moment with seconds in its offset as Arrow reads it; what is none is left as it is."""
    if cell is None or not _ODD_OFFSET.search(cell):
        return cell
    try:
        return datetime.fromisoformat(cell.decode()).astimezone(UTC).isoformat().encode()
    except (ValueError, OverflowError):
        return cell
