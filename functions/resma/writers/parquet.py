"""Parquet: rows in groups of a fixed number, exact decimals, moments with their time zone.

arro3 (Rust's Arrow and Parquet behind 34 MB of wheels) turns text to values, encodes and compresses. What it lacks is a
writer that can be fed: its `write_parquet` takes a whole table. So each row group is written as a file of its own,
its pages go out as they are, and its entry in the footer is kept, with its offsets moved, for the one footer at
the end. Nothing is left in the library between two calls. Source of the layout: Apache Parquet, `README.md` and
`parquet.thrift` of parquet-format; numbers of fields below are those of `parquet.thrift`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO

from arro3.core import Field, RecordBatch, Schema, Table
from arro3.io import read_ipc_stream, write_ipc_stream, write_parquet

from resma.errors import RowCountMismatch
from resma.header import ReportHeader
from resma.options import FormatOptions
from resma.rows import Batch, Row
from resma.writers.arrow_columns import ArrowColumn
from resma.writers.thrift import BINARY, I16, I32, I64, LIST, STRUCT, Struct, read_struct, write_struct

BLOCK_ROWS = 1024
"""So many rows at a time are turned to columns, whatever the batches' size: they take a fifth of the memory then.
Twice as many save 3 % of the time, and cost 50 MB where texts are 20 KB long."""
GROUP_ROWS = 32 * BLOCK_ROWS
"""32,768: adds 20 MB to the process. Twice as many add 32 MB, and make the file 1 % smaller."""
GROUP_BYTES = 16 * 1024 * 1024
"""A group also ends after the block with which it holds this much: long texts must not fill the memory."""

COMPRESSION = "zstd(1)"
"""500,000 rows: 13.2 MB in 0.51 s. Snappy takes as long for 19.4 MB, zstd(3) 9 % longer for 12.4 MB."""

_MAGIC = b"PAR1"


@dataclass(slots=True)
class ParquetState:
    """Plain values. It grows by the footer's entries: some 100 bytes a column for each row group."""

    rows: list[Row] = field(default_factory=list)
    """Less than a block that waits for more."""
    blocks: bytes = b""
    """The open group's blocks, as an Arrow IPC stream."""
    group_bytes: int = 0
    groups: list[bytes] = field(default_factory=list)
    """Of each finished row group: its entry in the footer."""
    rows_out: int = 0
    """In these groups."""
    bytes_out: int = 0


class ParquetWriter:
    """Holds one row group. `add` and `end` raise FormatCannotHold where a cell has no exact value in its type."""

    media_type = "application/vnd.apache.parquet"

    def __init__(self, header: ReportHeader) -> None:
        self._header = header
        self._columns = [ArrowColumn(column, header.time_zone) for column in header.columns]
        fields = [
            Field(column.name, arrow.type, nullable=True, metadata={"heading": column.heading})
            for column, arrow in zip(header.columns, self._columns, strict=True)
        ]
        self._schema = Schema(fields)
        self._blocks: list[RecordBatch] = []
        self._state = ParquetState()

    @property
    def state(self) -> ParquetState:
        """All that changes while it writes. The open group's blocks are copied into it when it is asked for."""
        stream = BytesIO()
        write_ipc_stream(self._open_group(), stream)
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
        if self._state.rows_out != self._header.rows:
            raise RowCountMismatch(f"the snapshot counted {self._header.rows} rows, {self._state.rows_out} came")
        footer = write_struct(self._footer())
        return last + footer + len(footer).to_bytes(4, "little") + _MAGIC

    def _open_group(self) -> Table:
        return Table.from_batches(self._blocks, schema=self._schema)

    def _add_block(self, rows: Sequence[Row]) -> bytes:
        before = self._state.rows_out + len(self._blocks) * BLOCK_ROWS
        columns = zip(self._columns, zip(*rows, strict=True), strict=True)
        arrays = [column.convert(cells, before) for column, cells in columns]
        self._blocks.append(RecordBatch.from_arrays(arrays, schema=self._schema))
        self._state.group_bytes += sum(array.nbytes for array in arrays)
        full = len(self._blocks) * BLOCK_ROWS >= GROUP_ROWS or self._state.group_bytes >= GROUP_BYTES
        return self._close_group() if full else b""

    def _close_group(self) -> bytes:
        """Writes the open group as a file and returns its pages; their entry in the footer is kept."""
        file = _write_file(self._open_group())
        self._blocks.clear()
        self._state.group_bytes = 0
        group: Struct = _read_footer(file)[4][1][1][0]
        _move(group, self._state.bytes_out - len(_MAGIC), ordinal=len(self._state.groups))
        self._state.groups.append(write_struct(group))
        self._state.rows_out += group[3][1]
        pages = file[len(_MAGIC) : len(_MAGIC) + group[6][1]]
        self._state.bytes_out += len(pages)
        return pages

    def _footer(self) -> Struct:
        """FileMetaData: as the library writes it of a table without rows, and the kept entries."""
        footer = _read_footer(_write_file(self._schema.empty_table()))
        for column, element in zip(self._header.columns, footer[2][1][1][1:], strict=True):
            if column.kind == "json":
                element[6] = (I32, 19)  # ConvertedType JSON, for older readers
                element[10] = (STRUCT, {12: (STRUCT, {})})  # LogicalType JSON
        footer[3] = (I64, self._state.rows_out)
        footer[4] = (LIST, (STRUCT, [read_struct(entry) for entry in self._state.groups]))
        pairs = [{1: (BINARY, k.encode()), 2: (BINARY, v.encode())} for k, v in _metadata(self._header).items()]
        footer[5] = (LIST, (STRUCT, footer[5][1][1] + pairs))
        return footer


def make_parquet_writer(header: ReportHeader, options: FormatOptions) -> ParquetWriter:
    """Raises FormatCannotHold where a column or the time zone has no type in Parquet, which has no options."""
    del options
    return ParquetWriter(header)


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
        for number in (4, 5, 6, 7):  # offset_index_offset, offset_index_length, column_index_offset, ..._length
            chunk.pop(number, None)
        pages: Struct = chunk[3][1]
        for number in (9, 11):  # data_page_offset, dictionary_page_offset
            if number in pages:
                pages[number] = (I64, pages[number][1] + distance)
    group[5] = (I64, group[5][1] + distance)  # file_offset
    group[7] = (I16, ordinal)


def _metadata(header: ReportHeader) -> dict[str, str]:
    """For whoever reconciles the file with its report; readers show it as the file's key-value metadata."""
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
