"""ADBC and pyarrow's Parquet writer with zstd: no row becomes a Python value."""

from __future__ import annotations

import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from tests.bench.peers.adbc_batches import adbc_reader, with_amounts_as
from tests.bench.sink import Sink
from tests.bench.source import Source


def write(source: Source, sink: Sink) -> int:
    """Writes a row group for each of ADBC's batches of about 100,000 rows. Amounts become exact decimals."""
    rows = 0
    with adbc_reader(source, {}) as reader:
        schema, batches = with_amounts_as(reader, pa.decimal128(18, 2))
        with ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)
                rows += batch.num_rows
    return rows
