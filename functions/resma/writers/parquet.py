"""Parquet: rows in groups of a fixed number, exact decimals, moments with their time zone.

arro3 (Rust's Arrow and Parquet behind 34 MB of wheels) turns text to values, encodes and compresses. What it lacks is a
writer that can be fed: its `write_parquet` takes a whole table. So each row group is written as a file of its own,
its pages go out as they are, and its entry in the footer is kept, with its offsets moved, for the one footer at
the end. Source of the layout: Apache Parquet, `README.md` and `parquet.thrift` of parquet-format.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO

from arro3.core import Array, DataType, Field, RecordBatch, Schema, Table
from arro3.io import read_ipc_stream, write_ipc_stream, write_parquet

from resma.errors import FormatCannotHold, RowCountMismatch
from resma.header import Column, ReportHeader
from resma.options import FormatOptions
from resma.rows import Batch, Row
from resma.writers.thrift import BINARY, I16, I32, I64, LIST, STRUCT, Struct, read_struct, write_struct

BLOCK_ROWS = 2048
"""Rows are turned to Arrow's columns so many at a time, whatever the batches' size: a tenth of the memory."""
GROUP_ROWS = 32 * BLOCK_ROWS
GROUP_BYTES = 16 * 1024 * 1024
"""A group ends after the block with which it holds this much: long texts must not fill the memory."""

COMPRESSION = "zstd(1)"

_MAGIC = b"PAR1"
_DIGITS = 38
"""What Parquet's widest decimal that all readers know holds: 16 bytes."""

_BINARY, _STRING = DataType.binary(), DataType.string()

_ODD_OFFSET = re.compile(rb"[+-]\d\d:\d\d:\d\d$")
"""Local times before there were zones, like -03:06:28: Arrow reads no seconds in an offset."""

_REMEDIES = {
    "integer": "is no whole number of 64 bits; make the column an amount or a text in the catalogue",
    "amount": f"is no number of up to {_DIGITS} digits; make the column a text in the catalogue, or round in its query",
    "date": "is no day of the years 1 to 9999; make the column a text in the catalogue, or NULL in its query",
    "timestamp": "is no moment of the years 1 to 9999; make the column a text in the catalogue, or NULL in its query",
    "text": "is not UTF-8; mend the database's encoding",
    "json": "is not UTF-8; mend the database's encoding",
}


@dataclass(slots=True)
class ParquetState:
    """Plain values. It grows by the footer's entries: some 100 bytes a column for each group of 65,536 rows."""

    rows: list[Row] = field(default_factory=list)
    """Less than a block that waits for more."""
    blocks: bytes = b""
    """The open group's blocks, as an Arrow stream."""
    group_bytes: int = 0
    groups: list[tuple[int, bytes]] = field(default_factory=list)
    """Of each finished row group: its rows, and its entry in the footer."""
    bytes_out: int = 0


class ParquetWriter:
    """Holds one row group. Raises FormatCannotHold where a cell has no exact value in its column's type."""

    media_type = "application/vnd.apache.parquet"
    extension = "parquet"

    def __init__(self, header: ReportHeader) -> None:
        self._header = header
        self._types = [_data_type(column, header.time_zone) for column in header.columns]
        self._schema = Schema([
            Field(column.name, type_, nullable=True, metadata={"heading": column.heading})
            for column, type_ in zip(header.columns, self._types, strict=True)
        ])  # fmt: skip
        self._too_fine = [re.compile(rb"\.\d{%d}" % (column.scale + 1)) for column in header.columns]
        self._state = ParquetState()
        self._blocks: list[RecordBatch] = []

    @property
    def state(self) -> ParquetState:
        """What changes while it writes; the open group's blocks are copied into it when it is asked for."""
        stream = BytesIO()
        write_ipc_stream(Table.from_batches(self._blocks, schema=self._schema), stream)
        self._state.blocks = stream.getvalue()
        return self._state

    @state.setter
    def state(self, state: ParquetState) -> None:
        self._state = state
        self._blocks = read_ipc_stream(BytesIO(state.blocks)).read_all().to_batches()

    def begin(self) -> bytes:
        """Returns the mark that Parquet files begin with."""
        self._state.bytes_out = len(_MAGIC)
        return _MAGIC

    def add(self, batch: Batch) -> bytes:
        """Returns the row groups that these rows complete."""
        waiting = self._state.rows
        waiting += batch.rows
        whole = len(waiting) // BLOCK_ROWS * BLOCK_ROWS
        out = [self._add_block(waiting[at : at + BLOCK_ROWS]) for at in range(0, whole, BLOCK_ROWS)]
        del waiting[:whole]
        return b"".join(out)

    def end(self) -> bytes:
        """Returns the last row group and the footer."""
        last = self._add_block(self._state.rows) if self._state.rows else b""
        self._state.rows.clear()
        last += self._close_group() if self._blocks else b""
        rows = self._rows_closed()
        if rows != self._header.rows:
            raise RowCountMismatch(f"the snapshot counted {self._header.rows} rows, {rows} came")
        footer = write_struct(self._footer(rows))
        return last + footer + len(footer).to_bytes(4, "little") + _MAGIC

    def _rows_closed(self) -> int:
        return sum(rows for rows, _ in self._state.groups)

    def _add_block(self, rows: Sequence[Row]) -> bytes:
        before = self._rows_closed() + sum(block.num_rows for block in self._blocks)
        cells = zip(*rows, strict=True)
        arrays = [self._convert(index, column, before) for index, column in enumerate(cells)]
        self._blocks.append(RecordBatch.from_arrays(arrays, schema=self._schema))
        self._state.group_bytes += sum(array.nbytes for array in arrays)
        full = len(self._blocks) * BLOCK_ROWS >= GROUP_ROWS or self._state.group_bytes >= GROUP_BYTES
        return self._close_group() if full else b""

    def _convert(self, index: int, cells: tuple[bytes | None, ...], before: int) -> Array:
        """One column of a block. Arrow makes NULL of what it can't read, so NULLs are counted before and after."""
        column, type_ = self._header.columns[index], self._types[index]
        raw = Array(cells, _BINARY)
        array = raw.cast(_STRING)
        if type_ != _STRING:
            array = array.cast(type_)
        if array.null_count != raw.null_count and column.kind == "timestamp":
            array = Array([_in_utc(cell) for cell in cells], _BINARY).cast(_STRING).cast(type_)
        if array.null_count != raw.null_count:
            valid = array.cast(_STRING).to_pylist()
            at = next(i for i, cell in enumerate(cells) if cell is not None and valid[i] is None)
            raise _cannot_hold(column, before + at)
        # Arrow rounds what is finer than the type.
        if column.kind == "amount" and self._too_fine[index].search(b" ".join(filter(None, cells))):
            at = next(i for i, cell in enumerate(cells) if cell and self._too_fine[index].search(cell))
            raise _cannot_hold(column, before + at, f"has more than {column.scale} digits after its mark")
        return array

    def _close_group(self) -> bytes:
        """Writes the open group as a file and returns its pages; their entry in the footer is kept."""
        file = _write_file(Table.from_batches(self._blocks, schema=self._schema))
        self._blocks.clear()
        self._state.group_bytes = 0
        group: Struct = _read_footer(file)[4][1][1][0]
        _move(group, self._state.bytes_out - len(_MAGIC), ordinal=len(self._state.groups))
        self._state.groups.append((group[3][1], write_struct(group)))
        pages = bytes(memoryview(file)[len(_MAGIC) : len(_MAGIC) + group[6][1]])
        self._state.bytes_out += len(pages)
        return pages

    def _footer(self, rows: int) -> Struct:
        """FileMetaData: the schema as the library writes it of no rows at all, and the kept entries."""
        footer = _read_footer(_write_file(self._schema.empty_table()))
        for column, element in zip(self._header.columns, footer[2][1][1][1:], strict=True):
            if column.kind == "json":
                element[6] = (I32, 19)  # ConvertedType.JSON, for older readers
                element[10] = (STRUCT, {12: (STRUCT, {})})  # LogicalType.JSON
        footer[3] = (I64, rows)
        footer[4] = (LIST, (STRUCT, [read_struct(entry) for _, entry in self._state.groups]))
        pairs = [{1: (BINARY, k.encode()), 2: (BINARY, v.encode())} for k, v in _metadata(self._header).items()]
        footer[5] = (LIST, (STRUCT, footer[5][1][1] + pairs))
        return footer


def make_parquet_writer(header: ReportHeader, options: FormatOptions) -> ParquetWriter:
    """Raises FormatCannotHold where a column or the time zone has no type in Parquet."""
    del options  # Parquet has none
    return ParquetWriter(header)


def _data_type(column: Column, time_zone: str) -> DataType:
    if column.kind == "integer":
        return DataType.int64()
    if column.kind == "amount":
        if column.scale > _DIGITS:
            raise _cannot_hold(column, None)
        return DataType.decimal128(_DIGITS, column.scale)
    if column.kind == "date":
        return DataType.date32()
    return DataType.timestamp("us", tz=time_zone) if column.kind == "timestamp" else _STRING


def _cannot_hold(column: Column, row: int | None, why: str = "") -> FormatCannotHold:
    """`row` counts from 0. The cell itself is not shown: errors are logged."""
    place = f"column {column.name}" if row is None else f"row {row + 1} of column {column.name}"
    return FormatCannotHold(f"Parquet can't hold it: {place} {why or _REMEDIES[column.kind]}")


def _in_utc(cell: bytes | None) -> bytes | None:
    if cell is None or not _ODD_OFFSET.search(cell):
        return cell
    try:
        return datetime.fromisoformat(cell.decode()).astimezone(UTC).isoformat().encode()
    except (ValueError, OverflowError):
        return b""


def _write_file(table: Table) -> bytes:
    file = BytesIO()
    write_parquet(table, file, compression=COMPRESSION, max_row_group_size=max(table.num_rows, 1))
    return file.getvalue()


def _read_footer(file: bytes) -> Struct:
    """FileMetaData: before the last 8 bytes, which are its length and the mark."""
    size = int.from_bytes(file[-8:-4], "little")
    return read_struct(file[-8 - size : -8])


def _move(group: Struct, distance: int, ordinal: int) -> None:
    """Changes a RowGroup's offsets in place, and takes away the page indexes: these hold offsets of their own."""
    for chunk in group[1][1][1]:
        for number in (4, 5, 6, 7):  # offset_index_offset to column_index_length
            chunk.pop(number, None)
        pages: Struct = chunk[3][1]
        for number in (9, 11):  # data_page_offset, dictionary_page_offset
            if number in pages:
                pages[number] = (I64, pages[number][1] + distance)
    group[5] = (I64, group[5][1] + distance)
    group[7] = (I16, ordinal)


def _metadata(header: ReportHeader) -> dict[str, str]:
    totals = [{"currency": t.currency, "rows": t.rows, "amount": f"{t.amount:f}"} for t in header.totals]
    return {
        "resma.generator": "Resma",
        "resma.report_id": header.report_id,
        "resma.title": header.title,
        "resma.organisation": header.organisation,
        "resma.as_of": header.as_of.isoformat(),
        "resma.rows": str(header.rows),
        "resma.totals": json.dumps(totals, ensure_ascii=False),
        "resma.time_zone": header.time_zone,
        "resma.locale": header.locale.tag,
    }
