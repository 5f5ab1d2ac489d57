"""`COPY (query) TO STDOUT`, discarded: the minimum time that a program can take for these rows."""

from __future__ import annotations

from tests.bench.sink import Sink
from tests.bench.source import Source


def write(source: Source, sink: Sink) -> int:
    """Reads all rows with psycopg's COPY, which is as fast as psql's."""
    statement = b"COPY (" + source.query.as_bytes(source.connection) + b") TO STDOUT (FORMAT csv)"
    with source.connection.cursor() as cursor:
        with cursor.copy(statement, source.values) as copy:
            for block in copy:
                sink.write(block)
        return cursor.rowcount
