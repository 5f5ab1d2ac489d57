"""Parquet: rows in groups of a fixed number, exact decimals, moments with their time zone.

A column's type comes from the catalog or the query, never from the rows.

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

from resma.errors import CheckpointUnusableError, RowCountMismatchError
from resma.report.format_options import FormatOptions
from resma.report.header import ReportHeader
from resma.report.rows import Batch, Row
from resma.writers.parquet.arrow_columns import ArrowColumn
from resma.writers.parquet.thrift import BINARY, I16, I32, I64, LIST, STRUCT, Struct, read_struct, write_struct

BLOCK_ROWS = 1024
"""So many rows at a time are turned to columns, whatever the batches' size: they take a fifth of the memory then.
Twice as many save 3 % of the time, and cost 50 MB where texts are 20 KB long."""
MAX_BLOCK_CELLS = 64 * BLOCK_ROWS
"""Of more than 64 columns, fewer rows at a time are turned to columns."""
MAX_ARRAYS = 3000
"""Number of arrays of an open group: with more, its blocks are joined. An array of a few rows takes several times the
memory of its cells: those of 1,600 columns took 60 MB."""
COLUMNS_AT_ONCE = 64
"""Number of columns of a group that the library writes in one call: it takes 100 kB for each column."""
GROUP_ROWS = 32 * BLOCK_ROWS
"""32,768: adds 20 MB to the process. Twice as many add 32 MB, and make the file 1 % smaller."""
GROUP_BYTES = 16 * 1024 * 1024
"""A group also ends after the block with which it holds this much: long texts must not fill the memory."""
MANY_COLUMNS = 256
MANY_COLUMNS_GROUP_BYTES = 4 * 1024 * 1024
"""The same of more than `MANY_COLUMNS` columns, whose batches and arrays take 30 MB more."""
WIDE_GROUP_BYTES = 2 * 1024 * 1024
"""The same where single rows may be so long that a group holds few of them, and more copies of each are around: twice
as much costs 40 MB where rows have 2 MB."""

BLOCK_BYTES = 1024 * 1024
"""A block of such rows also ends with the row with which its cells have this many bytes."""
MAX_NARROW_BLOCK_BYTES = 16 * 1024 * 1024
"""Of a block of the longest rows: with more, rows are counted by their bytes."""

COMPRESSION = "zstd(1)"
"""500,000 rows: 13.2 MB in 0.51 s. Snappy takes as long for 19.4 MB, zstd(3) 9 % longer for 12.4 MB."""

MAX_TOTALS = 100
"""Totals in the file's metadata: readers load all of it before the first row."""

_MAGIC = b"PAR1"


@dataclass(slots=True)
class ParquetState:
    """Plain values. It grows by the footer's entries: some 100 bytes a column for each row group."""

    rows: list[Row] = field(default_factory=list)
    """Less than a block that waits for more."""
    row_bytes: int = 0
    """Of their cells, where the report may have rows so wide that it matters."""
    blocks: bytes = b""
    """The open group's blocks, as an Arrow IPC stream."""
    group_bytes: int = 0
    group_rows: int = 0
    """In the open group's blocks."""
    groups: list[bytes] = field(default_factory=list)
    """Of each finished row group: its entry in the footer."""
    rows_out: int = 0
    """In these groups."""
    bytes_out: int = 0


class ParquetWriter:
    """Holds one row group. `add` and `end` raise FormatLimitError where a cell has no exact value in its type."""

    media_type = "application/vnd.apache.parquet"

    def __init__(self, header: ReportHeader) -> None:
        self._header = header
        self._columns = [ArrowColumn(column, header.time_zone) for column in header.columns]
        fields = [
            Field(column.name, arrow.type, nullable=True, metadata={"heading": column.heading})
            for column, arrow in zip(header.columns, self._columns, strict=True)
        ]
        self._schema = Schema(fields)
        self._counts_bytes = _may_be_wide(header)
        self._group_bytes = MANY_COLUMNS_GROUP_BYTES if len(fields) > MANY_COLUMNS else GROUP_BYTES
        if self._counts_bytes:
            self._group_bytes = WIDE_GROUP_BYTES
        # A report of few columns has blocks and groups of constant sizes: its bytes do not depend on this.
        self._block_rows = max(1, min(BLOCK_ROWS, MAX_BLOCK_CELLS // len(fields)))
        self._group_rows = GROUP_ROWS // BLOCK_ROWS * self._block_rows
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
        saved = read_ipc_stream(BytesIO(state.blocks)).read_all()
        if saved.schema != self._schema:
            raise CheckpointUnusableError("The types of the columns are not those of the saved row groups.")
        self._state = state
        self._blocks = saved.to_batches()

    def begin(self) -> bytes:
        """Returns the mark that Parquet files begin with."""
        self._state.bytes_out = len(_MAGIC)
        return _MAGIC

    def add(self, batch: Batch) -> bytes:
        """Returns the row groups that these rows complete."""
        if self._counts_bytes:
            return b"".join(map(self._add_row, batch.rows))
        waiting = self._state.rows
        waiting += batch.rows
        size = self._block_rows
        whole = len(waiting) // size * size
        out = [self._add_block(waiting[at : at + size]) for at in range(0, whole, size)]
        del waiting[:whole]
        return b"".join(out)

    def end(self) -> bytes:
        """Returns the last row group and the footer."""
        last = self._add_block(self._state.rows) if self._state.rows else b""
        self._state.rows.clear()
        last += self._close_group() if self._blocks else b""
        if self._state.rows_out != self._header.rows:
            raise RowCountMismatchError(self._state.rows_out, self._header.rows)
        footer = write_struct(self._footer())
        return last + footer + len(footer).to_bytes(4, "little") + _MAGIC

    def _add_row(self, row: Row) -> bytes:
        """Adds a row that may be wide: blocks end where they hold many bytes, however rows come in batches."""
        state = self._state
        state.rows.append(row)
        state.row_bytes += sum([len(cell) for cell in row if cell is not None])
        if len(state.rows) < self._block_rows and state.row_bytes < BLOCK_BYTES:
            return b""
        out = self._add_block(state.rows)
        state.rows.clear()
        state.row_bytes = 0
        return out

    def _open_group(self) -> Table:
        return Table.from_batches(self._blocks, schema=self._schema)

    def _add_block(self, rows: Sequence[Row]) -> bytes:
        before = self._state.rows_out + self._state.group_rows
        columns = zip(self._columns, zip(*rows, strict=True), strict=True)
        arrays = [column.convert(cells, before) for column, cells in columns]
        self._blocks.append(RecordBatch.from_arrays(arrays, schema=self._schema))
        if len(self._blocks) * len(arrays) > MAX_ARRAYS:
            self._blocks = self._open_group().combine_chunks().to_batches()
        self._state.group_bytes += sum(array.nbytes for array in arrays)
        self._state.group_rows += len(rows)
        full = self._state.group_rows >= self._group_rows or self._state.group_bytes >= self._group_bytes
        return self._close_group() if full else b""

    def _close_group(self) -> bytes:
        """Writes the open group as files of some columns each and returns their pages; the footer's entry is kept."""
        table, state = self._open_group(), self._state
        self._blocks.clear()
        pages: list[bytes] = []
        group: Struct = {}
        for start in range(0, table.num_columns, COLUMNS_AT_ONCE):
            file = _write_file(table.select(range(start, min(start + COLUMNS_AT_ONCE, table.num_columns))))
            part: Struct = _read_footer(file)[4][1][1][0]
            _move(part, state.bytes_out - len(_MAGIC), ordinal=len(state.groups))
            pages.append(file[len(_MAGIC) : len(_MAGIC) + part[6][1]])
            state.bytes_out += len(pages[-1])
            group = _join(group, part)
        state.groups.append(write_struct(group))
        state.rows_out += table.num_rows
        state.group_bytes = state.group_rows = 0
        return b"".join(pages)

    def _footer(self) -> Struct:
        """FileMetaData: as the library writes it of a table without rows, and the kept entries."""
        footer = _read_footer(_write_file(self._schema.empty_table()))
        for column, element in zip(self._header.columns, footer[2][1][1][1:], strict=True):
            if column.kind == "json":
                element[6] = (I32, 19)  # ConvertedType JSON, for older readers
                element[10] = (STRUCT, {12: (STRUCT, {})})  # LogicalType JSON
        footer[3] = (I64, self._state.rows_out)
        footer[4] = (LIST, (STRUCT, self._state.groups))
        pairs = [{1: (BINARY, k.encode()), 2: (BINARY, v.encode())} for k, v in _metadata(self._header).items()]
        footer[5] = (LIST, (STRUCT, footer[5][1][1] + pairs))
        return footer


def make_parquet_writer(header: ReportHeader, options: FormatOptions) -> ParquetWriter:
    """Raises FormatLimitError where a column or the time zone has no type in Parquet, which has no options."""
    del options
    return ParquetWriter(header)


def _may_be_wide(header: ReportHeader) -> bool:
    """Whether a block of rows may hold more than its bytes. Counting them takes 0.3 s for 500 thousand rows."""
    texts = [column.max_bytes for column in header.columns if column.kind in {"text", "json"}]
    return any(most is None for most in texts) or sum(most or 0 for most in texts) * BLOCK_ROWS > MAX_NARROW_BLOCK_BYTES


def _write_file(table: Table) -> bytes:
    file = BytesIO()
    write_parquet(
        table,
        file,
        compression=COMPRESSION,
        max_row_group_size=max(table.num_rows, 1),
    )
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


def _join(group: Struct, part: Struct) -> Struct:
    """Returns the RowGroup with the columns of both, each as its bytes; the first one may be empty."""
    chunks = [write_struct(chunk) for chunk in part[1][1][1]]
    if not group:
        return {**part, 1: (LIST, (STRUCT, chunks))}
    joined: Struct = {**group, 1: (LIST, (STRUCT, group[1][1][1] + chunks))}
    for number in (2, 6):  # total_byte_size, total_compressed_size
        joined[number] = (I64, group[number][1] + part[number][1])
    return joined


def _metadata(header: ReportHeader) -> dict[str, str]:
    """For whoever reconciles the file with its report; readers show it as the file's key-value metadata."""
    totals = [{"currency": t.currency, "rows": t.rows, "amount": f"{t.amount:f}"} for t in header.totals[:MAX_TOTALS]]
    omitted = len(header.totals) - len(totals)
    return {
        "resma.generator": "Resma",
        "resma.report_id": header.report_id,
        "resma.title": header.title,
        "resma.organization": header.organization,
        "resma.as_of": header.as_of.isoformat(),
        "resma.rows": str(header.rows),
        "resma.totals": json.dumps(totals, ensure_ascii=False),
        **({"resma.totals_omitted": str(omitted)} if omitted else {}),
        "resma.time_zone": header.time_zone,
        "resma.locale": header.locale.tag,
    }
