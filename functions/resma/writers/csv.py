"""CSV as RFC 4180 says: a header, CRLF, fields quoted where they must be, UTF-8 without a byte order mark.

NULL is an empty field and empty text is `""`, as in Postgres' own COPY; all other text is exactly what Postgres
prints, so every value survives a round trip. The profile for Excel is in `csv_excel`.
"""

from __future__ import annotations

from dataclasses import dataclass

from resma.errors import RowCountMismatch
from resma.header import ReportHeader
from resma.options import FormatOptions
from resma.rows import Batch
from resma.writers import Writer
from resma.writers.compressed import compressed
from resma.writers.csv_excel import ExcelCsvWriter
from resma.writers.csv_lines import encode_lines


@dataclass(slots=True)
class CsvState:
    """All that a CSV in the making has to remember."""

    rows: int = 0


class CsvWriter:
    """Writes CSV. Holds no rows: what comes in with a batch goes out with it."""

    media_type = "text/csv; charset=utf-8; header=present"

    def __init__(self, header: ReportHeader) -> None:
        self._names = [column.name.encode() for column in header.columns]
        self._rows_expected = header.rows
        self.state = CsvState()

    def begin(self) -> bytes:
        """Returns the header line."""
        return encode_lines([tuple(self._names)], b",")

    def add(self, batch: Batch) -> bytes:
        """Returns the lines of these rows."""
        self.state.rows += len(batch)
        return encode_lines(batch.rows, b",")

    def end(self) -> bytes:
        """Returns nothing more. Raises RowCountMismatch."""
        if self.state.rows != self._rows_expected:
            raise RowCountMismatch(f"{self.state.rows} rows came, the snapshot counted {self._rows_expected}")
        return b""


def make_csv_writer(header: ReportHeader, options: FormatOptions) -> Writer:
    """The writer of the profile and the compression that the request asks for."""
    writer = ExcelCsvWriter(header) if options.csv.profile == "excel" else CsvWriter(header)
    return compressed(writer, options.csv.compression)
