"""The writer: one ZIP whose small parts stand round the sheets of data, which stream."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from resma.errors import RowCountMismatch
from resma.header import ReportHeader
from resma.options import FormatOptions
from resma.rows import Batch
from resma.words import say
from resma.writers.deflate import DeflateState, ThreadedDeflate
from resma.writers.xlsx import workbook
from resma.writers.xlsx.archive import MOST_ENTRY_BYTES, Archive, ArchiveState
from resma.writers.xlsx.cells import ColumnCells
from resma.writers.xlsx.chart_data import chart_data_sheet, make_panels
from resma.writers.xlsx.charts import chart_part, drawing, drawing_relationships
from resma.writers.xlsx.heights import row_openings
from resma.writers.xlsx.sheet import MOST_ROWS, column_widths, sheet_head, sheet_tail
from resma.writers.xlsx.styles import Styles, column_look
from resma.writers.xlsx.subtotals import subtotals_sheet
from resma.writers.xlsx.summary import summary_sheet
from resma.writers.xlsx.xml import relationships

SUMMARY_PART, CHART_DATA_PART, SUBTOTALS_PART, FIRST_DATA_PART = 1, 2, 3, 4

MOST_SHEET_BYTES = MOST_ENTRY_BYTES // 2
"""Of XML: past 2 GiB rows go on a further sheet, so that no entry needs ZIP64, nor more than a signed 32-bit size."""

_TAIL_BYTES = 4096
_THREADS = 2


@dataclass(slots=True)
class XlsxState:
    """Plain values: all that changes."""

    archive: ArchiveState = field(default_factory=ArchiveState)
    sheet: DeflateState = field(default_factory=DeflateState)
    """The stream of the sheet that is open."""
    rows: list[int] = field(default_factory=lambda: [0])
    """Rows of data on each sheet so far; the last is open."""


class XlsxWriter:
    """Writes XLSX. Holds a few MB, however many rows come: blocks that wait to be compressed."""

    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

    def __init__(self, header: ReportHeader) -> None:
        self._header = header
        self._styles = Styles()
        self._wraps = any_wraps = any(column.wrap for column in header.columns)
        self._widths = column_widths(header.columns)
        self._columns = [
            ColumnCells(column, self._styles.number(column_look(column, header.locale, any_wraps=any_wraps)))
            for column in header.columns
        ]
        self._head = sheet_head(header, self._styles)
        self._panels = make_panels(header)
        self._pool = ThreadPoolExecutor(_THREADS, "deflate")
        self._use(XlsxState())

    @property
    def state(self) -> XlsxState:
        """Waits for the threads first. Bounded: less than a block, and a few compressed ones."""
        self._deflate.settle()
        return self._state

    @state.setter
    def state(self, state: XlsxState) -> None:
        self._use(state)

    def begin(self) -> bytes:
        """Returns all that is known before the rows, and opens the first sheet of them."""
        parts = {
            # Programs that tell a file's type by its first bytes know these names.
            "_rels/.rels": workbook.package_relationships(),
            "docProps/app.xml": workbook.extended_properties(self._header),
            "docProps/core.xml": workbook.core_properties(self._header),
            **self._small_sheets(),
            # Last: by now every style was asked for.
            "xl/styles.xml": self._styles.part(),
        }
        return b"".join([self._archive.store(name, part) for name, part in parts.items()]) + self._open_sheet()

    def add(self, batch: Batch) -> bytes:
        """Returns what is compressed by now. Raises FormatCannotHold."""
        out, done = b"", 0
        while done < len(batch):
            if self._state.rows[-1] == MOST_ROWS - 1:
                out += self._next_sheet()
            room = min(MOST_ROWS - 1 - self._state.rows[-1], len(batch) - done)
            piece = batch if room == len(batch) else Batch(batch.rows[done : done + room])
            out += self._add_rows(piece)
            done += room
        return out

    def end(self) -> bytes:
        """Returns the rest of the file. Raises RowCountMismatch."""
        if sum(self._state.rows) != self._header.rows:
            raise RowCountMismatch(f"{sum(self._state.rows)} rows came, the snapshot counted {self._header.rows}")
        out = self._close_sheet()
        self._pool.shutdown()
        sheets = self._sheets()
        store = self._archive.store
        out += store("xl/workbook.xml", workbook.workbook(self._header, sheets))
        out += store("xl/_rels/workbook.xml.rels", workbook.workbook_relationships(sheets))
        out += store("[Content_Types].xml", workbook.content_types(sheets, len(self._panels)))
        return out + self._archive.end()

    def _small_sheets(self) -> dict[str, bytes]:
        """The sheets that are known before the rows, and their charts."""
        header, panels, styles = self._header, self._panels, self._styles
        summary = f"xl/worksheets/sheet{SUMMARY_PART}.xml"
        parts = {summary: summary_sheet(header, styles, drawing=bool(panels))}
        if header.subtotals:
            parts[f"xl/worksheets/sheet{SUBTOTALS_PART}.xml"] = subtotals_sheet(header, styles)
        if panels:
            source = next(sheet.name for sheet in self._sheets() if sheet.part == CHART_DATA_PART)
            drawn = relationships([("drawing", "../drawings/drawing1.xml")])
            parts[f"xl/worksheets/_rels/sheet{SUMMARY_PART}.xml.rels"] = drawn
            parts[f"xl/worksheets/sheet{CHART_DATA_PART}.xml"] = chart_data_sheet(header, panels, styles)
            parts["xl/drawings/drawing1.xml"] = drawing(panels)
            parts["xl/drawings/_rels/drawing1.xml.rels"] = drawing_relationships(panels)
            parts |= {f"xl/charts/chart{i}.xml": chart_part(p, header, source) for i, p in enumerate(panels, 1)}
        return parts

    def _use(self, state: XlsxState) -> None:
        self._state = state
        self._archive = Archive(state.archive, self._header.as_of)
        self._deflate = ThreadedDeflate(state.sheet, self._pool)

    def _add_rows(self, batch: Batch) -> bytes:
        """Rows that Excel's limit leaves room for; those that would make the part too large go on the next sheet."""
        xml = self._rows_of_xml(batch)
        if self._state.sheet.bytes_in + len(xml) <= MOST_SHEET_BYTES - _TAIL_BYTES:
            self._state.rows[-1] += len(batch)
            return self._send(xml)
        if len(batch) > 1:
            half = len(batch) // 2
            return self._add_rows(Batch(batch.rows[:half])) + self._add_rows(Batch(batch.rows[half:]))
        return self._next_sheet() + self._add_rows(batch)

    def _rows_of_xml(self, batch: Batch) -> bytes:
        """One template for all rows of the batch, filled in by C code: 0.2 us for a row of nine cells."""
        template = b"<row>"
        columns: list[Sequence[bytes]] = []
        if self._wraps:
            template = b"%b"
            columns.append(row_openings(batch.rows, self._header.columns, self._widths))
        for column, cells in zip(self._columns, batch.columns, strict=True):
            whole, encoded = column.encode(cells)
            template += b"%b" if whole else column.open + b"%b" + column.close
            columns.append(encoded)
        return b"".join(map((template + b"</row>").__mod__, zip(*columns, strict=True)))

    def _open_sheet(self) -> bytes:
        name = f"xl/worksheets/sheet{FIRST_DATA_PART + len(self._state.rows) - 1}.xml"
        return self._archive.open(name) + self._send(self._head)

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

    def _sheets(self) -> list[workbook.Sheet]:
        """In tab order: the summary, the data, subtotals, what charts are drawn from."""
        language = self._header.locale.language
        others = {SUMMARY_PART: say("Summary", language)}
        others |= {SUBTOTALS_PART: say("Subtotal", language)} if self._header.subtotals else {}
        others |= {CHART_DATA_PART: say("Chart data", language)} if self._panels else {}
        # Named first: references to them must not change with the number of sheets.
        names = workbook.name_sheets([*others.values(), *(self._header.title for _ in self._state.rows)])
        first, *last = [workbook.Sheet(name, part) for name, part in zip(names, others, strict=False)]
        data = [
            workbook.Sheet(name, FIRST_DATA_PART + i, rows)
            for i, (name, rows) in enumerate(zip(names[len(others) :], self._state.rows, strict=True))
        ]
        return [first, *data, *last]


def make_xlsx_writer(header: ReportHeader, options: FormatOptions) -> XlsxWriter:  # noqa: ARG001 - there are none
    """Makes the writer; XLSX has no options."""
    return XlsxWriter(header)
