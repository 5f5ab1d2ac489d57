"""The report's rows as Arrow record batches, for pyarrow's writers."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from tests.bench.source import Source

BATCH_ROWS = 10_000

_TYPES = {
    "integer": pa.int64(),
    "amount": pa.decimal128(18, 2),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
}


def arrow_schema(source: Source) -> pa.Schema:
    """Returns a schema with exact types where Arrow has them, and strings for other columns."""
    return pa.schema([(column.name, _TYPES.get(column.kind, pa.string())) for column in source.report_type.columns])


def arrow_batches(source: Source, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yields batches made of Python values from a server-side cursor, because psycopg does not support Arrow."""
    for batch in source.batches(BATCH_ROWS):
        columns = zip(*batch, strict=True)
        arrays = [pa.array(column, type=field.type) for column, field in zip(columns, schema, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
