"""Parquet: row groups with a fixed number of rows, exact decimals, timestamps with their time zone.

A column's type comes from the catalog or the query, never from the rows.

arro3 (Rust's Arrow and Parquet, 34 MB of wheels) parses, encodes and compresses values. It has no incremental writer:
its `write_parquet` takes a whole table. Therefore each row group is written as a file of its own. Its pages are copied
to the output, and its metadata is kept for the common footer at the end, with adjusted offsets. The library holds no
state between two calls. Source of the format: Apache Parquet, `README.md` and `parquet.thrift` of parquet-format; field
numbers below are those of `parquet.thrift`.
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
from resma.report.kinds import UNBOUNDED
from resma.report.rows import Batch, Row
from resma.writers.parquet.arrow_columns import ArrowColumn
from resma.writers.parquet.thrift import BINARY, I16, I32, I64, LIST, STRUCT, Struct, read_struct, write_struct

BLOCK_ROWS = 1024
"""Number of rows that are converted to columns at a time, whatever the size of the batches. Columns take a fifth of the
rows' memory. Twice as many rows save 3 % of the time, and take 50 MB more if cells have 20 KB."""
MAX_BLOCK_CELLS = 64 * BLOCK_ROWS
"""Maximum number of cells of a block: with more than 64 columns, a block has fewer rows."""
MAX_ARRAYS = 3000
"""Maximum number of arrays of an open group, beyond which its blocks are combined. An array of a few rows takes several
times the memory of its cells: the arrays of 1,600 columns took 60 MB."""
COLUMNS_AT_ONCE = 64
"""Number of columns of a group that the library writes in one call: it needs 100 kB of memory for each column."""
GROUP_ROWS = 32 * BLOCK_ROWS
"""Number of rows per row group (32,768), which take 20 MB of memory. Twice as many take 32 MB, and make the file 1 %
smaller."""
GROUP_BYTES = 16 * 1024 * 1024
"""A group also ends with the block that reaches this size, so that long values do not exhaust the memory."""
MANY_COLUMNS = 256
MANY_COLUMNS_GROUP_BYTES = 4 * 1024 * 1024
"""`GROUP_BYTES` for more than `MANY_COLUMNS` columns, whose batches and arrays take 30 MB more."""
WIDE_GROUP_BYTES = 2 * 1024 * 1024
"""`GROUP_BYTES` if rows may be so long that a group has few of them, with several copies of each in memory. Twice as
many bytes take 40 MB more if rows have 2 MB."""
WIDE_BLOCK_BYTES = 1280 * 1024
"""A group also ends with a block of this size. Only rows of more than 256 KiB make such a block, a quarter larger than
`BLOCK_BYTES`, and a second one would take 4 MB more."""

BLOCK_BYTES = 1024 * 1024
"""A block of wide rows also ends with the row that reaches this size."""
MAX_NARROW_BLOCK_BYTES = 16 * 1024 * 1024
"""Maximum size of a block of the longest rows; beyond it, the bytes of rows are counted."""

COMPRESSION = "zstd(1)"
"""500,000 rows take 13.2 MB and 0.51 s. Snappy takes 19.4 MB and the same time; zstd(3) takes 12.4 MB and 9 %
longer."""

MAX_TOTALS = 100
"""Maximum number of totals in the file's metadata, all of which readers load before the first row."""

_MAGIC = b"PAR1"


@dataclass(slots=True)
class ParquetState:
    """State of a Parquet file, as plain values. It grows with the footer: about 100 bytes per column and row group."""

    rows: list[Row] = field(default_factory=list)
    """Rows that do not fill a block yet."""
    row_bytes: int = 0
    """Bytes of the cells of `rows`; counted only if the report may have wide rows."""
    blocks: bytes = b""
    """Blocks of the open group, as an Arrow IPC stream."""
    group_bytes: int = 0
    """Bytes in the blocks of the open group."""
    group_rows: int = 0
    """Number of rows in the blocks of the open group."""
    groups: list[bytes] = field(default_factory=list)
    """Footer metadata of each finished row group."""
    rows_out: int = 0
    """Number of rows in the finished row groups."""
    bytes_out: int = 0
    """Number of bytes returned so far."""


class ParquetWriter:
    """Writes Parquet. Holds one row group.

    `add` and `end` raise FormatLimitError if a cell has no exact value of its type.
    """

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
        # With up to 64 columns, blocks have `BLOCK_ROWS` rows and groups have `GROUP_ROWS` rows.
        self._block_rows = max(1, min(BLOCK_ROWS, MAX_BLOCK_CELLS // len(fields)))
        self._group_rows = GROUP_ROWS // BLOCK_ROWS * self._block_rows
        self._blocks: list[RecordBatch] = []
        self._state = ParquetState()

    @property
    def state(self) -> ParquetState:
        """See `Writer.state`. Each access copies the blocks of the open group into it."""
        stream = BytesIO()
        write_ipc_stream(self._open_group(), stream)
        self._state.blocks = stream.getvalue()
        return self._state

    @state.setter
    def state(self, state: ParquetState) -> None:
        saved = read_ipc_stream(BytesIO(state.blocks)).read_all()
        if saved.schema != self._schema:
            raise CheckpointUnusableError("The column types differ from those of the saved row groups.")
        self._state = state
        self._blocks = saved.to_batches()

    def begin(self) -> bytes:
        """Returns the magic number with which Parquet files begin."""
        self._state.bytes_out = len(_MAGIC)
        return _MAGIC

    def add(self, batch: Batch) -> bytes:
        """Returns the row groups that these rows complete."""
        if self._counts_bytes:
            return b"".join(map(self._add_row, batch.rows))
        pending = self._state.rows
        pending += batch.rows
        size = self._block_rows
        whole = len(pending) // size * size
        out = [self._add_block(pending[at : at + size]) for at in range(0, whole, size)]
        del pending[:whole]
        return b"".join(out)

    def end(self) -> bytes:
        """Returns the last row group and the footer. Raises RowCountMismatchError."""
        last = self._add_block(self._state.rows) if self._state.rows else b""
        self._state.rows.clear()
        last += self._close_group() if self._blocks else b""
        if self._state.rows_out != self._header.rows:
            raise RowCountMismatchError(self._state.rows_out, self._header.rows)
        footer = write_struct(self._footer())
        return last + footer + len(footer).to_bytes(4, "little") + _MAGIC

    def _add_row(self, row: Row) -> bytes:
        """Adds a row that may be wide. A block ends with the row that reaches `BLOCK_BYTES`, whatever the batches."""
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
        block_bytes = sum(array.nbytes for array in arrays)
        self._state.group_bytes += block_bytes
        self._state.group_rows += len(rows)
        full = (
            self._state.group_rows >= self._group_rows
            or self._state.group_bytes >= self._group_bytes
            or (self._counts_bytes and block_bytes >= WIDE_BLOCK_BYTES)
        )
        return self._close_group() if full else b""

    def _close_group(self) -> bytes:
        """Writes the open group, some columns at a time. Returns its pages, and keeps its metadata for the footer."""
        table, state = self._open_group(), self._state
        self._blocks.clear()
        pages: list[bytes] = []
        group: Struct = {}
        for start in range(0, table.num_columns, COLUMNS_AT_ONCE):
            file = _write_file(table.select(range(start, min(start + COLUMNS_AT_ONCE, table.num_columns))))
            part: Struct = _read_footer(file)[4][1][1][0]
            _shift_offsets(part, state.bytes_out - len(_MAGIC), ordinal=len(state.groups))
            pages.append(file[len(_MAGIC) : len(_MAGIC) + part[6][1]])
            state.bytes_out += len(pages[-1])
            group = _merge_columns(group, part)
        state.groups.append(write_struct(group))
        state.rows_out += table.num_rows
        state.group_bytes = state.group_rows = 0
        return b"".join(pages)

    def _footer(self) -> Struct:
        """Returns FileMetaData: the library's for an empty table, with the metadata of the finished row groups."""
        footer = _read_footer(_write_file(self._schema.empty_table()))
        for column, element in zip(self._header.columns, footer[2][1][1][1:], strict=True):
            if column.kind == "json":
                element[6] = (I32, 19)  # ConvertedType JSON, for older readers
                element[10] = (STRUCT, {12: (STRUCT, {})})  # LogicalType JSON
            elif column.kind == "uuid":
                element[10] = (STRUCT, {14: (STRUCT, {})})  # LogicalType UUID
        footer[3] = (I64, self._state.rows_out)
        footer[4] = (LIST, (STRUCT, self._state.groups))
        pairs = [{1: (BINARY, k.encode()), 2: (BINARY, v.encode())} for k, v in _metadata(self._header).items()]
        footer[5] = (LIST, (STRUCT, footer[5][1][1] + pairs))
        return footer


def make_parquet_writer(header: ReportHeader, options: FormatOptions) -> ParquetWriter:
    """Creates the writer; Parquet has no options. Raises FormatLimitError if a column or the time zone has no type."""
    del options
    return ParquetWriter(header)


def _may_be_wide(header: ReportHeader) -> bool:
    """Returns whether a block may exceed `MAX_NARROW_BLOCK_BYTES`, so that the bytes of its rows must be counted.

    Counting takes 0.3 s for 500,000 rows.
    """
    sizes = [column.max_bytes for column in header.columns if column.kind in UNBOUNDED]
    return any(size is None for size in sizes) or sum(size or 0 for size in sizes) * BLOCK_ROWS > MAX_NARROW_BLOCK_BYTES


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
    """Reads FileMetaData, which comes before the last 8 bytes: its length and the magic number."""
    size = int.from_bytes(file[-8:-4], "little")
    return read_struct(file[-8 - size : -8])


def _shift_offsets(group: Struct, distance: int, ordinal: int) -> None:
    """Shifts the offsets of a RowGroup in place, and removes its page indexes, which contain offsets of their own."""
    for chunk in group[1][1][1]:
        for number in (4, 5, 6, 7):  # offset_index_offset, offset_index_length, column_index_offset, ..._length
            chunk.pop(number, None)
        pages: Struct = chunk[3][1]
        for number in (9, 11):  # data_page_offset, dictionary_page_offset
            if number in pages:
                pages[number] = (I64, pages[number][1] + distance)
    group[5] = (I64, group[5][1] + distance)  # file_offset
    group[7] = (I16, ordinal)


def _merge_columns(group: Struct, part: Struct) -> Struct:
    """Returns a RowGroup with the columns of both, each as serialized bytes. The first RowGroup may be empty."""
    chunks = [write_struct(chunk) for chunk in part[1][1][1]]
    if not group:
        return {**part, 1: (LIST, (STRUCT, chunks))}
    merged: Struct = {**group, 1: (LIST, (STRUCT, group[1][1][1] + chunks))}
    for number in (2, 6):  # total_byte_size, total_compressed_size
        merged[number] = (I64, group[number][1] + part[number][1])
    return merged


def _metadata(header: ReportHeader) -> dict[str, str]:
    """Returns the file's key-value metadata, with which the file can be reconciled with its report."""
    names = [column.name for column in header.total_columns]
    totals = [
        {
            "currency": t.currency,
            "rows": t.rows,
            "amounts": {n: f"{a:f}" for n, a in zip(names, t.amounts, strict=True)},
        }
        for t in header.totals[:MAX_TOTALS]
    ]
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
