"""rustpy-xlsxwriter with ADBC's Arrow batches, its fastest input: no row becomes a Python value."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from rustpy_xlsxwriter import FastExcel

from tests.bench.peers.adbc_batches import adbc_reader
from tests.bench.peers.rustpy_formats import column_formats
from tests.bench.sink import Sink
from tests.bench.source import Source


def write(source: Source, sink: Sink) -> int:
    """Writes the rows. Amounts are floats, because version 0.8.0 silently leaves cells of Arrow decimals empty."""
    rows: list[int] = []
    with adbc_reader(source, {"amount": "float8"}) as reader:
        schema = pa.schema([field.with_name(name) for field, name in zip(reader.schema, source.headings, strict=True)])
        counted = pa.RecordBatchReader.from_batches(schema, _counted(reader, schema, rows))
        FastExcel(sink).sheet("Transactions", counted, column_formats=column_formats(source)).save()
    return sum(rows)


def _counted(reader: pa.RecordBatchReader, schema: pa.Schema, rows: list[int]) -> Iterator[pa.RecordBatch]:
    for batch in reader:
        rows.append(batch.num_rows)
        yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)
