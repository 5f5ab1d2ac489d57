"""One JSON object per row with the standard library; exact numbers are strings."""

from __future__ import annotations

import json

from tests.bench.sink import Sink
from tests.bench.source import Source


def write(source: Source, sink: Sink) -> int:
    """Writes the rows. Values without a JSON type (numeric, timestamptz) become strings."""
    names = source.names
    rows = 0
    for batch in source.batches(2000):
        lines = [json.dumps(dict(zip(names, row, strict=True)), default=str, ensure_ascii=False) for row in batch]
        sink.write(("\n".join(lines) + "\n").encode())
        rows += len(batch)
    return rows
