"""CSV as RFC 4180 says: a header, CRLF, fields quoted where they must be, UTF-8 without a byte order mark.

NULL is an empty field and empty text is `""`, as in Postgres' own COPY; all other text is exactly what Postgres
prints, so every value survives a round trip. Most readers drop a line that is empty or blank: a file of one column has
NULL as `""` too, and its texts in quotes. The profile for Excel is in `csv_excel`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from resma.errors import RowCountMismatchError
from resma.report.format_options import FormatOptions
from resma.report.header import ReportHeader
from resma.report.rows import Batch, Row
from resma.report.warnings import ReportWarning
from resma.writers import Writer
from resma.writers.compression.compressed import compressed
from resma.writers.csv.excel import ExcelCsvWriter
from resma.writers.csv.lines import encode_lines, encode_one_column


@dataclass(slots=True)
class CsvState:
    """All that a CSV in the making has to remember."""

    rows: int = 0
    nulls: int = 0
    """Of a file of one column; counted because they look like empty texts there."""
    empty_texts: int = 0


class CsvWriter:
    """Writes CSV. Holds no rows: what comes in with a batch goes out with it."""

    media_type = "text/csv; charset=utf-8; header=present"

    def __init__(self, header: ReportHeader) -> None:
        self._names = [column.name for column in header.columns]
        self._is_text = header.columns[0].kind in {"text", "json"}
        self._rows_expected = header.rows
        self.state = CsvState()

    def begin(self) -> bytes:
        """Returns the header line."""
        return self._lines([tuple([name.encode() for name in self._names])])

    def add(self, batch: Batch) -> bytes:
        """Returns the lines of these rows."""
        self.state.rows += len(batch)
        if len(self._names) == 1:
            self.state.nulls += batch.rows.count((None,))
            self.state.empty_texts += batch.rows.count((b"",))
        return self._lines(batch.rows)

    def end(self) -> bytes:
        """Returns nothing more. Raises RowCountMismatchError."""
        if self.state.rows != self._rows_expected:
            raise RowCountMismatchError(self.state.rows, self._rows_expected)
        return b""

    def warnings(self) -> tuple[ReportWarning, ...]:
        """Returns one where NULL and empty text can't be told from each other."""
        if not (self.state.nulls and self.state.empty_texts):
            return ()
        detail = (
            'NULL and empty text are both written as "" in a CSV of one column. '
            "Request a second column, or NDJSON or Parquet, to tell them apart."
        )
        return (ReportWarning("null-like-empty-text", detail, column=self._names[0], rows=self.state.nulls),)

    def _lines(self, rows: Sequence[Row]) -> bytes:
        if len(self._names) > 1:
            return encode_lines(rows, b",")
        return encode_one_column([row[0] for row in rows], quoted=self._is_text)


def make_csv_writer(header: ReportHeader, options: FormatOptions) -> Writer:
    """The writer of the profile and the compression that the request asks for."""
    writer = ExcelCsvWriter(header) if options.csv.profile == "excel" else CsvWriter(header)
    return compressed(writer, options.csv.compression)
