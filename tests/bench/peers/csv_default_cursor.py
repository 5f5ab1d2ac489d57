"""Python's csv and psycopg's default cursor, the usual code: all rows are in memory before the first is written."""

from __future__ import annotations

import csv

from tests.bench.sink import Sink, text_into
from tests.bench.source import Source


def write(source: Source, sink: Sink) -> int:
    """Writes the rows. The client has the whole result in memory when `execute` returns."""
    with text_into(sink) as text, source.connection.cursor() as cursor:
        writer = csv.writer(text)
        writer.writerow(source.names)
        cursor.execute(source.query, source.values)
        writer.writerows(cursor)
        return cursor.rowcount
