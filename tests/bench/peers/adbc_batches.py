"""The report's rows as Arrow record batches, read by ADBC's driver for PostgreSQL."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pyarrow as pa
from adbc_driver_postgresql import dbapi

from tests.bench.source import Source


@cache
def _connect(url: str) -> Any:
    """Connects once per process, in UTC, before the clock starts (as with psycopg)."""
    connection = dbapi.connect(url)
    with connection.cursor() as cursor:
        cursor.execute("SET timezone = 'UTC'")
    return connection


@contextlib.contextmanager
def adbc_reader(source: Source, casts: Mapping[str, str]) -> Iterator[pa.RecordBatchReader]:
    """Yields a reader of batches of about 16 MB, the driver's default, which it reads by a binary COPY.

    ADBC returns numeric as a string in an extension type, as Arrow has no decimal of unlimited precision.
    """
    with _connect(source.url).cursor() as cursor:
        cursor.execute(source.literal_query(casts))
        yield cursor.fetch_record_batch()


def with_amounts_as(reader: pa.RecordBatchReader, kind: pa.DataType) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Returns the reader's schema and its batches, with numeric columns cast from their strings to `kind`."""
    opaque = [isinstance(field.type, pa.BaseExtensionType) for field in reader.schema]
    schema = pa.schema(
        [pa.field(f.name, kind if is_opaque else f.type) for f, is_opaque in zip(reader.schema, opaque, strict=True)]
    )
    return schema, _cast(reader, opaque, schema)


def _cast(reader: pa.RecordBatchReader, opaque: list[bool], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for batch in reader:
        columns = [
            column.storage.cast(field.type) if is_opaque else column
            for column, is_opaque, field in zip(batch.columns, opaque, schema, strict=True)
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
