"""Converts cells, as Postgres prints them, to Arrow columns. Every value is exact; any other value is an error.

Arrow (through arro3, which is written in Rust) parses a cell in 5 to 75 ns. It converts unreadable cells to NULL, and
rounds or cuts values that are more precise than the type; both are errors here. All reports of a report type have the
same column types (see `Column`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from arro3.core import Array, DataType

from resma.errors import FormatLimitError
from resma.report.header import Column, Kind

_BINARY, _STRING = DataType.binary(), DataType.string()

_ODD_OFFSET = re.compile(rb"[+-]\d\d:\d\d:\d\d$")
"""UTC offset with seconds, such as -03:06:28 (local mean time). Arrow cannot parse seconds in an offset."""

_EDGE = re.compile(rb"(?:9999-12-31|0001-01-01) ")
"""Start of timestamps that may be outside of the years 1 to 9999 in UTC."""

_TYPES: Mapping[Kind, DataType] = {
    "integer": DataType.int64(),
    "float": DataType.float64(),
    "boolean": DataType.bool(),
    "date": DataType.date32(),
    "local_timestamp": DataType.timestamp("us"),
    "time": DataType.time64("us"),
    "uuid": DataType.binary(16),
    "binary": _BINARY,
}
"""Types by kind of column. Those of amounts and timestamps depend on the report, and all other kinds are strings."""

_REASONS: Mapping[Kind, str] = {
    "integer": "is not an integer of 64 bits",
    "date": "is infinite, before the year 1 or after the year 9999",
    "timestamp": "is infinite, or in UTC before the year 1 or after the year 9999",
    "local_timestamp": "is infinite, before the year 1 or after the year 9999",
    "time": "is 24:00:00, which no reader supports",
    "text": "is not UTF-8",
    "json": "is not UTF-8",
}
_REMEDY = "Leave the column out, or use another format."


class ArrowColumn:
    """Converts the cells of one column. Raises FormatLimitError if Arrow has no type for the column or time zone."""

    def __init__(self, column: Column, time_zone: str) -> None:
        self._column = column
        self.type = _data_type(column, time_zone)
        # Zeros beyond the scale are not significant digits, so nothing is lost.
        finer = {"amount": rb"\.\d{%d}\d*[1-9]" % column.decimal.scale, "date": rb":"}.get(column.kind)
        self._finer = re.compile(finer) if finer else None
        self._decode = _DECODERS.get(column.kind)

    def convert(self, cells: tuple[bytes | None, ...], rows_before: int) -> Array:
        """Returns an array of the column's type. A timestamp without an offset is in the report's time zone.

        Raises FormatLimitError if a cell has no exact value of the type. `rows_before`, the number of rows before these
        cells, is used for its message.
        """
        if self._decode:
            return Array(self._decode(cells), self.type)
        raw = Array(cells, _BINARY)
        array = self._cast(raw)
        if array.null_count != raw.null_count and self._column.kind == "timestamp":
            array = self._cast(Array([_in_utc(cell) for cell in cells], _BINARY))
        if array.null_count != raw.null_count:
            index = next(i for i, cell in enumerate(cells) if cell is not None and not array[i].is_valid)
            raise self._cannot_hold(rows_before + index)
        if self._column.kind == "timestamp" and _EDGE.search(b"\0".join(filter(None, cells))):
            at_edge = [i for i, cell in enumerate(cells) if cell and _EDGE.match(cell)]
            if outside := [i for i in at_edge if _to_utc(cells[i]) is None]:
                raise self._cannot_hold(rows_before + outside[0])
        if self._finer and self._finer.search(b" ".join(filter(None, cells))):
            index = next(i for i, cell in enumerate(cells) if cell and self._finer.search(cell))
            raise self._cannot_hold(rows_before + index)
        return array

    def _cast(self, raw: Array) -> Array:
        text = raw.cast(_STRING)
        return text if self.type == _STRING else text.cast(self.type)

    def _cannot_hold(self, row: int) -> FormatLimitError:
        """Returns the error for a cell. Its message does not contain the value, because errors are logged."""
        column, number = self._column, row + 1
        reason, remedy = _REASONS.get(column.kind, ""), _REMEDY
        if column.kind == "amount":
            reason = f"does not fit {column.decimal}, or is NaN or infinite"
            remedy = f"Set `precision` and `scale` in report.toml to what its values need. {_REMEDY}"
        detail = f"Parquet cannot hold the value in row {number} of column `{column.name}`, which {reason}. {remedy}"
        return FormatLimitError(detail, column=column.name, row=number)


def _data_type(column: Column, time_zone: str) -> DataType:
    if column.kind == "amount":
        return DataType.decimal128(column.decimal.precision, column.decimal.scale)
    return _timestamp(time_zone) if column.kind == "timestamp" else _TYPES.get(column.kind, _STRING)


def _from_uuids(cells: Sequence[bytes | None]) -> list[bytes | None]:
    """Decodes UUIDs such as `123e4567-e89b-12d3-a456-426614174000` to their 16 bytes."""
    return [None if cell is None else bytes.fromhex(cell.decode().replace("-", "")) for cell in cells]


def _from_hex(cells: Sequence[bytes | None]) -> list[bytes | None]:
    """Decodes values of type bytea such as `\\xdeadbeef` (`bytea_output` hex)."""
    return [None if cell is None else bytes.fromhex(cell[2:].decode()) for cell in cells]


_DECODERS: Mapping[Kind, Callable[[Sequence[bytes | None]], list[bytes | None]]] = {
    "uuid": _from_uuids,
    "binary": _from_hex,
}
"""Decoders of kinds that Arrow does not parse."""


def _timestamp(time_zone: str) -> DataType:
    timestamp = DataType.timestamp("us", tz=time_zone)
    try:
        Array([b"2000-01-01 00:00:00+00"], _BINARY).cast(_STRING).cast(timestamp)
    except Exception as error:  # the library raises no narrower class
        raise FormatLimitError(f"Unknown time zone {time_zone!r}. Use an IANA name such as 'Europe/Lisbon'.") from error
    return timestamp


def _in_utc(cell: bytes | None) -> bytes | None:
    """Converts a timestamp with seconds in its offset to UTC, which Arrow can parse. Other cells are unchanged."""
    if cell is None or not _ODD_OFFSET.search(cell):
        return cell
    utc = _to_utc(cell)
    return cell if utc is None else utc.isoformat().encode()


def _to_utc(cell: bytes | None) -> datetime | None:
    """Returns a timestamp in UTC; None if Python cannot, because it is outside of the years 1 to 9999 there."""
    try:
        return datetime.fromisoformat((cell or b"").decode()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
