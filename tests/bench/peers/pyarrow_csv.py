"""pyarrow's CSV writer, a record batch at a time."""

from __future__ import annotations

import pyarrow as pa
from pyarrow.csv import CSVWriter

from tests.bench.peers.arrow_batches import arrow_batches, arrow_schema
from tests.bench.sink import Sink
from tests.bench.source import Source


def write(source: Source, sink: Sink) -> int:
    """Writes the rows. Every string is quoted, pyarrow's default."""
    schema = arrow_schema(source)
    rows = 0
    with CSVWriter(pa.PythonFile(sink, mode="w"), schema) as writer:
        for batch in arrow_batches(source, schema):
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows
