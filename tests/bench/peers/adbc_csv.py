"""ADBC and pyarrow's CSV writer: no row becomes a Python value."""

from __future__ import annotations

import pyarrow as pa
from pyarrow.csv import CSVWriter

from tests.bench.peers.adbc_batches import adbc_reader, with_amounts_as
from tests.bench.sink import Sink
from tests.bench.source import Source


def write(source: Source, sink: Sink) -> int:
    """Writes the rows. Amounts stay ADBC's strings, with all digits. Every string is quoted, pyarrow's default."""
    rows = 0
    with adbc_reader(source, {}) as reader:
        schema, batches = with_amounts_as(reader, pa.string())
        with CSVWriter(pa.PythonFile(sink, mode="w"), schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
                rows += batch.num_rows
    return rows
