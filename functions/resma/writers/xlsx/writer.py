"""The XLSX writer: one ZIP archive with streamed data sheets, and small parts before and after them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import accumulate, repeat

from resma.errors import FormatLimitError, RowCountMismatchError
from resma.report.format_options import FormatOptions
from resma.report.header import ReportHeader
from resma.report.rows import Batch
from resma.report.warnings import ReportWarning
from resma.short_text import counted
from resma.writers.compression.deflate import DeflateState, ThreadedDeflate
from resma.writers.excel.limits import MAX_COLUMNS, MAX_SHEET_ROWS
from resma.writers.palette import palette_of
from resma.writers.xlsx.sheets import workbook
from resma.writers.xlsx.sheets.cells import ROW_NUMBER, ColumnCells, NumbersAsText
from resma.writers.xlsx.sheets.heights import row_openings
from resma.writers.xlsx.sheets.shared_strings import SharedStrings, SharedStringsState, new_shared_strings
from resma.writers.xlsx.sheets.sheet import column_widths, sheet_head, sheet_tail
from resma.writers.xlsx.small_parts import SmallParts
from resma.writers.xlsx.syntax.archive import MAX_ENTRY_BYTES, Archive, ArchiveState
from resma.writers.xlsx.syntax.styles import Styles, column_style
from resma.writers.xlsx.syntax.xml import column_letters

MAX_SHEET_BYTES = MAX_ENTRY_BYTES // 2
"""Maximum size of a sheet's XML. Beyond 2 GiB rows go on a further sheet, so that no entry needs ZIP64, and all sizes
fit a signed 32-bit integer."""

_TAIL_BYTES = 4096
_THREADS = 2


@dataclass(slots=True)
class XlsxState:
    """State of an XLSX file, as plain values."""

    archive: ArchiveState = field(default_factory=ArchiveState)
    sheet: DeflateState = field(default_factory=DeflateState)
    """Compressed stream of the open sheet."""
    rows: list[int] = field(default_factory=lambda: [0])
    """Number of rows of data on each sheet so far; the last sheet is open."""
    shared_strings: SharedStringsState = field(default_factory=SharedStringsState)
    numbers_as_text: list[NumbersAsText] = field(default_factory=list)
    """Numbers that are stored as text, for each column."""


class XlsxWriter:
    """Writes XLSX. Holds a few MB for any number of rows: uncompressed blocks, and shared strings."""

    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

    def __init__(self, header: ReportHeader) -> None:
        self._header = header
        self._styles = Styles(palette_of(header.brand))
        self._wraps = any_wraps = any(column.wrap for column in header.columns)
        self._widths = column_widths(header.columns)
        self._columns = [
            ColumnCells(
                column,
                self._styles.number(column_style(column, header.locale, any_wraps=any_wraps)),
                column_letters(at),
                header.locale,
            )
            for at, column in enumerate(header.columns)
        ]
        sheet_head(header, self._styles, 0)  # registers the styles of the headings before those of the small parts
        self._small_parts = SmallParts(header, self._styles)
        self._pool = ThreadPoolExecutor(_THREADS, "deflate")
        numbers_as_text = [NumbersAsText() for _ in header.columns]
        self._use(XlsxState(shared_strings=new_shared_strings(self._columns), numbers_as_text=numbers_as_text))

    @property
    def state(self) -> XlsxState:
        """See `Writer.state`. Waits for the compression threads. Holds less than a block, and the shared strings."""
        self._deflate.settle()
        return self._state

    @state.setter
    def state(self, state: XlsxState) -> None:
        self._use(state)

    def begin(self) -> bytes:
        """Returns the parts that do not depend on the rows, and the start of the first data sheet.

        Raises FormatLimitError.
        """
        if len(self._header.columns) > MAX_COLUMNS:
            raise FormatLimitError(
                f"The report has {len(self._header.columns):,} columns, and an Excel sheet holds {MAX_COLUMNS:,}. "
                "Choose fewer columns, or request another format."
            )
        parts = {
            # Programs that detect the file type by the first bytes of a file expect these names.
            "_rels/.rels": workbook.package_relationships(),
            "docProps/app.xml": workbook.extended_properties(self._header),
            "docProps/core.xml": workbook.core_properties(self._header),
            **self._small_parts.first(),
            "xl/styles.xml": self._small_parts.styles(),
        }
        return b"".join([self._archive.store(name, part) for name, part in parts.items()]) + self._open_sheet()

    def add(self, batch: Batch) -> bytes:
        """Adds rows. Returns the bytes that are compressed so far. Raises FormatLimitError."""
        rows = self._rows_of_xml(batch) if len(batch) else []
        out = []
        while rows:
            numbered = self._number_rows(rows)
            if not numbered:
                out.append(self._next_sheet())
                continue
            self._state.rows[-1] += len(numbered)
            out.append(self._send(b"".join(numbered)))
            rows = rows[len(numbered) :]
        return b"".join(out)

    def end(self) -> bytes:
        """Returns the rest of the file. Raises RowCountMismatchError."""
        if sum(self._state.rows) != self._header.rows:
            raise RowCountMismatchError(sum(self._state.rows), self._header.rows)
        out = [self._close_sheet()]
        self._pool.shutdown()
        sheets = self._sheets()
        strings = self._shared_strings.part()
        last_sheets = self._small_parts.last()
        parts = {
            f"xl/worksheets/sheet{number}.xml": part
            for number, part in enumerate(last_sheets, len(sheets) - len(last_sheets) + 1)
        }
        if strings:
            parts["xl/sharedStrings.xml"] = strings
        shares, charts = bool(strings), len(self._small_parts.panels)
        parts["xl/workbook.xml"] = workbook.workbook(self._header, sheets)
        parts["xl/_rels/workbook.xml.rels"] = workbook.workbook_relationships(len(sheets), shared_strings=shares)
        parts["[Content_Types].xml"] = workbook.content_types(len(sheets), charts, shared_strings=shares)
        out += [self._archive.store(name, part) for name, part in parts.items()]
        return b"".join(out) + self._archive.end()

    def warnings(self) -> tuple[ReportWarning, ...]:
        """Returns warnings about numbers that are stored as text, and about omitted charts."""
        pairs = zip(self._header.columns, self._state.numbers_as_text, strict=True)
        number_warnings = [
            ReportWarning(
                "amounts-as-text",
                f"The column `{column.name}` has {counted(numbers.rows, 'number')} that Excel cannot hold exactly. "
                "They are stored as text, which sums leave out. Use CSV, NDJSON or Parquet to calculate with them.",
                column=column.name,
                row=numbers.first_row,
                rows=numbers.rows,
            )
            for column, numbers in pairs
            if numbers.rows
        ]
        return (*number_warnings, *self._small_parts.warnings())

    def _use(self, state: XlsxState) -> None:
        self._state = state
        self._archive = Archive(state.archive, self._header.as_of)
        self._deflate = ThreadedDeflate(state.sheet, self._pool)
        self._shared_strings = SharedStrings(self._columns, state.shared_strings)
        for column, texts in zip(self._columns, state.numbers_as_text, strict=True):
            column.numbers_as_text = texts

    def _rows_of_xml(self, batch: Batch) -> list[bytes]:
        """Returns rows without their row numbers. One template for the whole batch is filled in by C code."""
        first_row = sum(self._state.rows) + 1
        template = b'<row r="%b">' % ROW_NUMBER
        columns: list[Sequence[bytes]] = []
        if self._wraps:
            template = b"%b"
            columns.append(row_openings(batch.rows, self._header.columns, self._widths))
        shared = self._shared_strings.encode(batch, first_row)
        for at, (column, cells) in enumerate(zip(self._columns, batch.columns, strict=True)):
            whole, encoded = shared.get(at) or column.encode(cells, first_row)
            template += b"%b" if whole else column.open + b"%b" + column.close
            columns.append(encoded)
        return list(map((template + b"</row>").__mod__, zip(*columns, strict=True)))

    def _number_rows(self, rows: list[bytes]) -> list[bytes]:
        """Returns as many of these rows as fit on the open sheet, with their row numbers."""
        on_sheet = self._state.rows[-1]
        room = MAX_SHEET_ROWS - 1 - on_sheet
        first = on_sheet + 2
        fitting = rows[:room] if room else []
        numbers = [b"%d" % number for number in range(first, first + len(fitting))]
        numbered = list(map(bytes.replace, fitting, repeat(ROW_NUMBER), numbers))
        free = MAX_SHEET_BYTES - _TAIL_BYTES - self._state.sheet.bytes_in
        if sum(map(len, numbered)) <= free:
            return numbered
        fit = bisect_right(list(accumulate(map(len, numbered))), free)
        if not fit and not on_sheet:
            row = sum(self._state.rows) + 1
            raise FormatLimitError(
                f"Row {row:,} alone exceeds the maximum size of a sheet. Leave columns out, or request another format.",
                row=row,
            )
        return numbered[:fit]

    def _open_sheet(self) -> bytes:
        rows = min(self._header.rows - sum(self._state.rows), MAX_SHEET_ROWS - 1)
        # A sheet has fewer rows than its head says only if it ends early because its XML is too large.
        head = sheet_head(self._header, self._styles, rows)
        number = len(self._state.rows) + 1  # after the summary
        return self._archive.open(f"xl/worksheets/sheet{number}.xml") + self._send(head)

    def _next_sheet(self) -> bytes:
        out = self._close_sheet()
        self._state.rows.append(0)
        return out + self._open_sheet()

    def _close_sheet(self) -> bytes:
        out = self._send(sheet_tail(self._header, self._state.rows[-1]))
        out += self._archive.count(self._deflate.finish()) + self._archive.close(self._state.sheet)
        self._state.sheet = DeflateState()
        self._deflate = ThreadedDeflate(self._state.sheet, self._pool)
        return out

    def _send(self, data: bytes) -> bytes:
        return self._archive.count(self._deflate.add(data))

    def _sheets(self) -> list[workbook.WorkbookSheet]:
        """Returns the sheets in tab order: summary, data, subtotals, chart data."""
        first, *last = self._small_parts.sheet_names
        names = workbook.name_sheets([first, *last, *(self._header.title for _ in self._state.rows)])
        data = zip(names[1 + len(last) :], self._state.rows, strict=True)
        return [
            workbook.WorkbookSheet(names[0]),
            *(workbook.WorkbookSheet(name, rows) for name, rows in data),
            *(workbook.WorkbookSheet(name) for name in names[1 : 1 + len(last)]),
        ]


def make_xlsx_writer(header: ReportHeader, options: FormatOptions) -> XlsxWriter:  # noqa: ARG001 - XLSX has no options
    """Creates the writer; XLSX has no options."""
    return XlsxWriter(header)
