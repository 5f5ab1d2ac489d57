"""openpyxl's write-only mode, which its documentation names for large files."""

from __future__ import annotations

from openpyxl import Workbook

from tests.bench.sink import Sink
from tests.bench.source import Source


def write(source: Source, sink: Sink) -> int:
    """Times lose their zone, which openpyxl refuses to write."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Transactions")
    sheet.append(source.headings)
    at = source.names.index("booked_at")
    rows = 0
    for row in source.rows():
        sheet.append([*row[:at], row[at].replace(tzinfo=None), *row[at + 1 :]])
        rows += 1
    book.save(sink)
    return rows
