"""Python's csv and psycopg's default cursor, what most people write: all rows are in memory before one goes out."""

from __future__ import annotations

import csv

from tests.bench.sink import Sink, text_into
from tests.bench.source import Source


def write(source: Source, sink: Sink) -> int:
    """The query's result is the client's before execute returns."""
    with text_into(sink) as text, source.connection.cursor() as cursor:
        writer = csv.writer(text)
        writer.writerow(source.names)
        cursor.execute(source.query, source.values)
        writer.writerows(cursor)
        return cursor.rowcount
