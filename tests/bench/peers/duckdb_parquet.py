"""DuckDB's COPY to Parquet with zstd."""

from __future__ import annotations

from tests.bench.peers.duckdb_copy import copy
from tests.bench.sink import Sink
from tests.bench.source import Source


def write(source: Source, _sink: Sink) -> int:
    """Writes the rows in row groups of DuckDB's default size, 122,880 rows."""
    return copy(source, "FORMAT parquet, COMPRESSION zstd")
