"""CSV according to RFC 4180: a header line, CRLF, quotes only where necessary, UTF-8 without a byte order mark.

A request or the catalog can choose another dialect (`CsvDialect`).

NULL is an empty field and an empty string is `""`, as in Postgres' COPY. All other values are exactly as Postgres
prints them, so that every value survives a round trip. Most readers skip empty and blank lines: in a file of one
column, NULL is therefore `""` as well, and all strings are quoted. The profile for Excel is in `excel.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from resma.errors import RowCountMismatchError
from resma.report.format_options import CsvDialect, FormatOptions
from resma.report.header import ReportHeader
from resma.report.kinds import FRACTIONAL, UNBOUNDED
from resma.report.rows import Batch, Row
from resma.report.warnings import ReportWarning
from resma.writers import Writer
from resma.writers.compression.compressed import compressed
from resma.writers.csv.excel import BYTE_ORDER_MARK, ExcelCsvWriter
from resma.writers.csv.lines import LineFormat, encode_lines, encode_one_column


@dataclass(slots=True)
class CsvState:
    """State of a CSV file that is being written."""

    rows: int = 0
    nulls: int = 0
    """Number of NULLs in a file of one column, where they look like empty strings."""
    empty_strings: int = 0
    """Number of empty strings in a file of one column."""


class CsvWriter:
    """Writes CSV. Holds no rows: `add` returns all rows of its batch."""

    media_type = "text/csv; charset=utf-8; header=present"

    def __init__(self, header: ReportHeader, dialect: CsvDialect | None = None) -> None:
        dialect = dialect or CsvDialect()
        self._form = LineFormat(
            (dialect.delimiter or ",").encode(),
            dialect.quote_byte,
            dialect.line_end_bytes,
            quote_all=bool(dialect.quote_all),
        )
        self._start = BYTE_ORDER_MARK if dialect.byte_order_mark else b""
        self._comma_columns = (
            [index for index, column in enumerate(header.columns) if column.kind in FRACTIONAL]
            if dialect.decimal_mark == ","
            else []
        )
        self._names = [column.name for column in header.columns]
        self._is_text = header.columns[0].kind in UNBOUNDED
        self._rows_expected = header.rows
        self.state = CsvState()

    def begin(self) -> bytes:
        """Returns the header line, after a byte order mark if the dialect has one."""
        return self._start + self._lines([tuple([name.encode() for name in self._names])])

    def add(self, batch: Batch) -> bytes:
        """Returns the lines of these rows."""
        self.state.rows += len(batch)
        if len(self._names) == 1:
            self.state.nulls += batch.rows.count((None,))
            self.state.empty_strings += batch.rows.count((b"",))
        return self._lines(self._with_commas(batch) if self._comma_columns and batch.rows else batch.rows)

    def end(self) -> bytes:
        """Returns no further bytes. Raises RowCountMismatchError."""
        if self.state.rows != self._rows_expected:
            raise RowCountMismatchError(self.state.rows, self._rows_expected)
        return b""

    def warnings(self) -> tuple[ReportWarning, ...]:
        """Returns a warning if the file contains NULLs and empty strings that cannot be distinguished."""
        if not (self.state.nulls and self.state.empty_strings):
            return ()
        detail = (
            'NULL and the empty string are both written as "" in a CSV file of one column. '
            "Request a second column, NDJSON or Parquet to distinguish them."
        )
        return (ReportWarning("null-like-empty-text", detail, column=self._names[0], rows=self.state.nulls),)

    def _with_commas(self, batch: Batch) -> Sequence[Row]:
        """Returns the rows with decimal commas. Only amounts and floats have decimal points."""
        columns = list(batch.columns)
        for index in self._comma_columns:
            columns[index] = [None if cell is None else cell.replace(b".", b",") for cell in columns[index]]
        return list(zip(*columns, strict=True))

    def _lines(self, rows: Sequence[Row]) -> bytes:
        if len(self._names) > 1:
            return encode_lines(rows, self._form)
        return encode_one_column([row[0] for row in rows], self._form, quoted=self._is_text)


def make_csv_writer(header: ReportHeader, options: FormatOptions) -> Writer:
    """Creates the writer of the requested profile, dialect and compression. The catalog has the default dialect."""
    dialect = options.csv.or_else(header.csv)
    writer = ExcelCsvWriter(header, dialect) if options.csv.profile == "excel" else CsvWriter(header, dialect)
    return compressed(writer, options.csv.compression)
