"""A JSON object a row with the standard library, numbers as exact as their text."""

from __future__ import annotations

import json

from tests.bench.sink import Sink
from tests.bench.source import Source


def write(source: Source, sink: Sink) -> int:
    """What JSON has no type for (numeric, timestamptz) becomes text."""
    names = source.names
    rows = 0
    for batch in source.batches(2000):
        lines = [json.dumps(dict(zip(names, row, strict=True)), default=str, ensure_ascii=False) for row in batch]
        sink.write(("\n".join(lines) + "\n").encode())
        rows += len(batch)
    return rows
