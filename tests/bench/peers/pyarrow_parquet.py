"""pyarrow's Parquet writer with zstd, row groups of 100,000 rows."""

from __future__ import annotations

from itertools import islice

import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from tests.bench.peers.arrow_batches import BATCH_ROWS, arrow_batches, arrow_schema
from tests.bench.sink import Sink
from tests.bench.source import Source

ROW_GROUP = 100_000


def write(source: Source, sink: Sink) -> int:
    """Writes the rows, with one row group in memory at a time."""
    schema = arrow_schema(source)
    rows = 0
    with ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd") as writer:
        batches = arrow_batches(source, schema)
        while group := list(islice(batches, ROW_GROUP // BATCH_ROWS)):
            table = pa.Table.from_batches(group)
            writer.write_table(table)
            rows += table.num_rows
    return rows
