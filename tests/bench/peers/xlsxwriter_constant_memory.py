"""XlsxWriter's constant_memory mode, which its documentation recommends for large files."""

from __future__ import annotations

from itertools import count

import xlsxwriter

from tests.bench.sink import Sink
from tests.bench.source import Source


def write(source: Source, sink: Sink) -> int:
    """Writes the rows, with Excel numbers and timestamps. Timestamps lose their time zone, which Excel lacks."""
    book = xlsxwriter.Workbook(sink, {"constant_memory": True, "remove_timezone": True})
    sheet = book.add_worksheet()
    timestamp = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    money = book.add_format({"num_format": "#,##0.00"})
    formats = [{"timestamp": timestamp, "amount": money}.get(column.kind) for column in source.report_type.columns]
    sheet.write_row(0, 0, source.headings)
    at = count(1)
    for number, row in zip(at, source.rows(), strict=False):
        for column, (value, cell_format) in enumerate(zip(row, formats, strict=True)):
            sheet.write(number, column, value, cell_format)
    book.close()
    return next(at) - 2
