"""Python's csv and a server-side cursor."""

from __future__ import annotations

import csv

from tests.bench.sink import Sink, text_into
from tests.bench.source import Source


def write(source: Source, sink: Sink) -> int:
    """Writes the rows, with one batch in memory at a time."""
    rows = 0
    with text_into(sink) as text:
        writer = csv.writer(text)
        writer.writerow(source.names)
        for batch in source.batches(2000):
            writer.writerows(batch)
            rows += len(batch)
    return rows
