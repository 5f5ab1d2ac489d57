"""DuckDB's COPY to CSV."""

from __future__ import annotations

from tests.bench.peers.duckdb_copy import copy
from tests.bench.sink import Sink
from tests.bench.source import Source


def write(source: Source, _sink: Sink) -> int:
    """Writes the rows with a header."""
    return copy(source, "FORMAT csv, HEADER")
