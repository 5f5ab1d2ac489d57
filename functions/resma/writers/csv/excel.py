"""CSV that Excel opens with a double click, as its locale wants it.

A byte order mark, or Excel takes the file for Windows-1252; the list separator and the decimal mark of the locale;
timestamps without their offset, which Excel would take for text. Texts are shown as they are (`excel_text`), headings
too. Numbers are numbers, negative ones too, but for those with more digits than Excel keeps: they are texts, and a
warning says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from resma.errors import RowCountMismatchError
from resma.i18n.locales import Locale
from resma.report.header import Column, Kind, ReportHeader
from resma.report.rows import Batch
from resma.report.warnings import ReportWarning, WarningCode
from resma.writers.excel.limits import MAX_CELL_CHARACTERS, MAX_NUMBER_DIGITS, MAX_SHEET_ROWS, utf16_units
from resma.writers.excel.text import keep_column, keep_text

_NUMBER = re.compile(rb"[+-]?[0-9]+([.,][0-9]+)?")
_OFFSET = re.compile(rb"[+-][0-9]{2}(:[0-9]{2}){0,2}$")
_FRACTION = re.compile(rb"\.[0-9]+")
_EXCEL_YEARS = re.compile(rb"(19|[2-9][0-9])[0-9]{2}-(?!.*BC)|infinity")
"""Excel knows no day before 1900 or after 9999, and guesses at some of them."""

_AMOUNT: Final = "amounts-as-text"
_CELL: Final = "excel-cell-limit"
_APOSTROPHE: Final = "excel-apostrophe"
_DETAILS: Mapping[WarningCode, str] = {
    _AMOUNT: f"Amounts that Excel cannot hold (more than {MAX_NUMBER_DIGITS} digits, NaN, Infinity) are stored as "
    "text. Formulas such as SUM leave them out.",
    _CELL: f"Texts of more than {MAX_CELL_CHARACTERS:,} characters do not fit a cell of Excel, which cuts them off. "
    "Leave the column out, or use another format.",
    _APOSTROPHE: "Texts that begin like a formula, and are longer than one or have line breaks, have an apostrophe "
    "before them, so that Excel does not run them. Other formats have the text itself.",
}

Cells = Sequence[bytes | None]
Encoded = tuple[bytes, tuple[WarningCode, ...]]
"""A cell as it is written, before it is put in quotes, and the codes of its warnings."""


@dataclass(slots=True)
class ExcelCsvState:
    """All that a CSV in the making has to remember."""

    rows: int = 0
    found: dict[tuple[WarningCode, int], tuple[int, int]] = field(default_factory=dict)
    """By warning code and column: the first row that it is about, and how many."""


class ExcelCsvWriter:
    """Writes CSV for the Excel of the report's locale. Holds no rows."""

    media_type = "text/csv; charset=utf-8; header=present"

    def __init__(self, header: ReportHeader) -> None:
        self._header = header
        self._separator = header.locale.list_separator.encode()
        self._encoders = [_encoder(column, header.locale) for column in header.columns]
        # A line with nothing in it is no record to most readers.
        self._null = b'""' if len(header.columns) == 1 else b""
        self.state = ExcelCsvState()

    def begin(self) -> bytes:
        """Returns the byte order mark and the headings, in the locale's language."""
        headings = [self._field(keep_text(column.heading.encode())[0]) for column in self._header.columns]
        return b"\xef\xbb\xbf" + self._separator.join(headings) + b"\r\n"

    def add(self, batch: Batch) -> bytes:
        """Returns the lines of these rows."""
        if not batch.rows:
            return b""
        columns = [self._fields(index, cells) for index, cells in enumerate(batch.columns)]
        self.state.rows += len(batch)
        return b"\r\n".join([*map(self._separator.join, zip(*columns, strict=True)), b""])

    def end(self) -> bytes:
        """Returns nothing more. Raises RowCountMismatchError."""
        if self.state.rows != self._header.rows:
            raise RowCountMismatchError(self.state.rows, self._header.rows)
        return b""

    def warnings(self) -> tuple[ReportWarning, ...]:
        """Returns what Excel can't show as it is, by column."""
        return (*self._row_warnings(), *self._cell_warnings())

    def _row_warnings(self) -> Iterator[ReportWarning]:
        left_out = self.state.rows - (MAX_SHEET_ROWS - 1)
        if left_out > 0:
            detail = (
                f"Excel opens the first {MAX_SHEET_ROWS - 1:,} rows of a CSV file only. "
                "Narrow the filters, or use XLSX, which has several sheets."
            )
            yield ReportWarning("excel-row-limit", detail, row=MAX_SHEET_ROWS, rows=left_out)

    def _cell_warnings(self) -> Iterator[ReportWarning]:
        for (code, index), (row, rows) in sorted(self.state.found.items()):
            yield ReportWarning(code, _DETAILS[code], column=self._header.columns[index].name, row=row, rows=rows)

    def _fields(self, index: int, cells: Cells) -> list[bytes]:
        """The column's fields. Each text is looked at once a batch: most columns have few different ones."""
        plain, encode = self._encoders[index]
        if (fields := plain(cells)) is not None:
            return fields
        encoded = {cell: encode(cell) for cell in set(cells) if cell is not None}
        if any(codes for _, codes in encoded.values()):
            self._note(index, cells, encoded)
        fields_of: dict[bytes | None, bytes] = {cell: self._field(made) for cell, (made, _) in encoded.items()}
        fields_of[None] = self._null
        return [fields_of[cell] for cell in cells]

    def _note(self, index: int, cells: Cells, encoded: dict[bytes, Encoded]) -> None:
        """Counts the rows that deserve a warning."""
        for row, cell in enumerate(cells, self.state.rows + 1):
            for code in () if cell is None else encoded[cell][1]:
                first, rows = self.state.found.get((code, index), (row, 0))
                self.state.found[code, index] = (first, rows + 1)

    def _field(self, cell: bytes) -> bytes:
        """RFC 4180 §2.5 to §2.7, with the locale's separator."""
        if not cell or b'"' in cell or self._separator in cell or b"\n" in cell or b"\r" in cell:
            return b'"%b"' % cell.replace(b'"', b'""')
        return cell


Encoder = tuple[Callable[[Cells], list[bytes] | None], Callable[[bytes], Encoded]]
"""For a whole column that needs nothing done, or None where it may; and for one cell of any other."""


def _encoder(column: Column, locale: Locale) -> Encoder:
    mark = locale.decimal.encode()
    numbers: Encoder = (lambda cells: _plain_numbers(cells, mark), lambda cell: _number(cell, mark, column.kind))
    texts: Encoder = (keep_column, _text)
    encoders: dict[Kind, Encoder] = {
        "integer": numbers,
        "amount": numbers,
        "timestamp": (_plain_timestamps, lambda cell: (_timestamp(cell), ())),
        "date": (lambda _cells: None, lambda cell: (_date(cell), ())),
        "text": texts,
        "json": texts,
    }
    return encoders[column.kind]


def _plain_numbers(cells: Cells, mark: bytes) -> list[bytes] | None:
    """Numbers of few digits, which lose none. Only Infinity and NaN end in a letter."""
    if None in cells or any(
        len(cell) > MAX_NUMBER_DIGITS or cell[-1:] in {b"y", b"N"} for cell in cells if cell is not None
    ):
        return None
    joined = b"\0".join(cells)  # type: ignore[arg-type]
    return joined.replace(b".", mark).split(b"\0")


def _number(cell: bytes, mark: bytes, kind: Kind) -> Encoded:
    local, is_number = cell.replace(b".", mark), _NUMBER.fullmatch(cell)
    if is_number and len(cell.replace(b".", b"").strip(b"-0")) <= MAX_NUMBER_DIGITS:
        return local, ()
    return keep_text(local if is_number else cell)[0], (_AMOUNT,) if kind == "amount" else ()


def _plain_timestamps(cells: Cells) -> list[bytes] | None:
    """Without the offset, where all have the same one, and none has a fraction of a second or an unusual year."""
    if None in cells:
        return None
    joined = b"\0".join([*cells, b""])  # type: ignore[list-item]
    offset = joined[-4:]
    rows = len(cells)
    if (
        offset[:1] in b"+-"
        and b"." not in joined
        and joined.count(b" ") == rows
        and joined.count(b":") == 2 * rows == 2 * joined.count(offset)
        and all(len(cell) == 22 and cell >= b"19" for cell in cells if cell is not None)
    ):
        return joined.replace(offset, b"\0").split(b"\0")[:-1]
    return None


def _timestamp(cell: bytes) -> bytes:
    """Without the offset, and cut to whole seconds: Excel and LibreOffice round a fraction into the next day."""
    # Only what has a time can have an offset: the end of a date looks like one.
    return _date(_FRACTION.sub(b"", _OFFSET.sub(b"", cell)) if b":" in cell else cell)


def _date(cell: bytes) -> bytes:
    """ISO 8601 is a date to every Excel, in the years that it knows."""
    return cell if _EXCEL_YEARS.match(cell) else b'="%b"' % cell


def _text(cell: bytes) -> Encoded:
    made, has_apostrophe = keep_text(cell)
    is_too_long = len(cell) > MAX_CELL_CHARACTERS and utf16_units(cell.decode()) > MAX_CELL_CHARACTERS
    codes: list[WarningCode] = []
    if is_too_long:
        codes.append(_CELL)
    if has_apostrophe:
        codes.append(_APOSTROPHE)
    return made, tuple(codes)
