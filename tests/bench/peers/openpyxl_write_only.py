"""openpyxl's write-only mode, which its documentation recommends for large files."""

from __future__ import annotations

from openpyxl import Workbook

from tests.bench.sink import Sink
from tests.bench.source import Source


def write(source: Source, sink: Sink) -> int:
    """Writes the rows. Timestamps lose their time zone, which openpyxl refuses."""
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
