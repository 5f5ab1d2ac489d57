"""rustpy-xlsxwriter with a generator of records, which its documentation recommends for large files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rustpy_xlsxwriter import FastExcel

from tests.bench.peers.rustpy_formats import column_formats
from tests.bench.sink import Sink
from tests.bench.source import Source


def write(source: Source, sink: Sink) -> int:
    """Writes the rows in the default, constant-memory mode. Timestamps lose their time zone, which Excel lacks."""
    records = _Records(source)
    FastExcel(sink).sheet("Transactions", iter(records), column_formats=column_formats(source)).save()
    return records.count


class _Records:
    """Yields a dict for each row, and counts them."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.count = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        names = self._source.headings
        for row in self._source.rows():
            self.count += 1
            yield dict(zip(names, row, strict=True))
