"""CSV profile for Excel: files that open with a double click in an Excel of the report's locale.

A request or the catalog can choose another dialect (`CsvDialect`).

Files begin with a byte order mark, without which Excel would assume Windows-1252. They use the list separator and the
decimal mark of the locale. Timestamps have no offset, because Excel would treat them as text. Strings and headings are
displayed unchanged (`excel/text.py`). Exact numbers are numbers, except those with more digits than Excel keeps: they
are written as text, and a warning reports them. Floats, which are inexact, are numbers of which Excel keeps 15 digits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from resma.errors import RowCountMismatchError
from resma.i18n.locales import Locale
from resma.report.format_options import CsvDialect
from resma.report.header import Column, Kind, ReportHeader
from resma.report.intervals import clock, interval_in_words, parse_interval
from resma.report.kinds import FRACTIONAL, UNBOUNDED
from resma.report.rows import Batch
from resma.report.warnings import ReportWarning, WarningCode
from resma.writers.excel.limits import MAX_CELL_CHARACTERS, MAX_NUMBER_DIGITS, MAX_SHEET_ROWS, utf16_units
from resma.writers.excel.text import LOGICAL_VALUES, protect_column, protect_text

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_NUMBER = re.compile(rb"-?[0-9]+(\.[0-9]+)?")
_FLOAT = re.compile(rb"-?[0-9]+(\.[0-9]+)?(e[+-][0-9]{2,3})?")
_MAX_FLOAT = 9.99999999999999e307
"""Largest number that can be typed into Excel."""
_OFFSET = re.compile(rb"[+-][0-9]{2}(:[0-9]{2}){0,2}$")
_FRACTION = re.compile(rb"\.[0-9]+")
_EXCEL_YEARS = re.compile(rb"(19|[2-9][0-9])[0-9]{2}-(?!.*BC)|infinity")
"""Dates that Excel supports: the years 1900 to 9999. It misinterprets some dates outside of them."""

_MAX_DURATION = 10_000 * 3600 * 1_000_000
"""Durations from 10,000 hours, in microseconds, cannot be typed into Excel."""

_AMOUNT: Final = "amounts-as-text"
_CELL: Final = "excel-cell-limit"
_APOSTROPHE: Final = "excel-apostrophe"
_DETAILS: Mapping[WarningCode, str] = {
    _AMOUNT: f"Amounts that Excel cannot hold (more than {MAX_NUMBER_DIGITS} digits, NaN, Infinity) are stored as "
    "text. Formulas such as SUM leave them out.",
    _CELL: f"Values of more than {MAX_CELL_CHARACTERS:,} characters do not fit an Excel cell, and Excel cuts them off. "
    "Leave the column out, or use another format.",
    _APOSTROPHE: "Values that start like a formula, and are longer than a formula or contain line breaks, are preceded "
    "by an apostrophe, so that Excel does not evaluate them. Other formats contain the unchanged values.",
}

Cells = Sequence[bytes | None]
EncodedCell = tuple[bytes, tuple[WarningCode, ...]]
"""An encoded cell, before it is quoted, and the codes of its warnings."""


@dataclass(slots=True)
class ExcelCsvState:
    """State of a CSV file for Excel that is being written."""

    rows: int = 0
    warned: dict[tuple[WarningCode, int], tuple[int, int]] = field(default_factory=dict)
    """By warning code and column index: the number of the first affected row, and the number of affected rows."""


class ExcelCsvWriter:
    """Writes CSV for an Excel of the report's locale. Holds no rows."""

    media_type = "text/csv; charset=utf-8; header=present"

    def __init__(self, header: ReportHeader, dialect: CsvDialect | None = None) -> None:
        dialect = dialect or CsvDialect()
        self._header = header
        self._separator = (dialect.delimiter or header.locale.list_separator).encode()
        self._line_end = dialect.line_end_bytes
        # Some readers skip unquoted lines of one field that look empty, like a comment, or like the end of a COPY.
        is_one_text = len(header.columns) == 1 and header.columns[0].kind in UNBOUNDED
        self._quote_all = bool(dialect.quote_all) or is_one_text
        self._start = b"" if dialect.byte_order_mark is False else BYTE_ORDER_MARK
        self._mark = (dialect.decimal_mark or header.locale.decimal).encode()
        locale = replace(header.locale, decimal=dialect.decimal_mark or header.locale.decimal)
        self._encoders = [_encoder(column, locale) for column in header.columns]
        # Most readers do not count an empty line as a record.
        self._null = b'""' if len(header.columns) == 1 else b""
        self.state = ExcelCsvState()

    def begin(self) -> bytes:
        """Returns the byte order mark and the headings, in the locale's language."""
        headings = [self._field(protect_text(column.heading.encode())[0]) for column in self._header.columns]
        return self._start + self._separator.join(headings) + self._line_end

    def add(self, batch: Batch) -> bytes:
        """Returns the lines of these rows."""
        if not batch.rows:
            return b""
        columns = [self._fields(index, cells) for index, cells in enumerate(batch.columns)]
        self.state.rows += len(batch)
        return self._line_end.join([*map(self._separator.join, zip(*columns, strict=True)), b""])

    def end(self) -> bytes:
        """Returns no further bytes. Raises RowCountMismatchError."""
        if self.state.rows != self._header.rows:
            raise RowCountMismatchError(self.state.rows, self._header.rows)
        return b""

    def warnings(self) -> tuple[ReportWarning, ...]:
        """Returns the warnings about rows and cells that Excel cannot display unchanged."""
        return (*self._row_warnings(), *self._cell_warnings())

    def _row_warnings(self) -> Iterator[ReportWarning]:
        omitted = self.state.rows - (MAX_SHEET_ROWS - 1)
        if omitted > 0:
            detail = (
                f"Excel opens the first {MAX_SHEET_ROWS - 1:,} rows of a CSV file only. "
                "Narrow the filters, or use XLSX, which has several sheets."
            )
            yield ReportWarning("excel-row-limit", detail, row=MAX_SHEET_ROWS, rows=omitted)

    def _cell_warnings(self) -> Iterator[ReportWarning]:
        for (code, index), (row, rows) in sorted(self.state.warned.items()):
            yield ReportWarning(code, _DETAILS[code], column=self._header.columns[index].name, row=row, rows=rows)

    def _fields(self, index: int, cells: Cells) -> list[bytes]:
        """Returns the column's fields. Each distinct value is encoded once per batch: most columns have few of them."""
        plain, encode = self._encoders[index]
        if (fields := plain(cells)) is not None:
            return list(map(self._field, fields)) if self._may_need_quotes(index) else fields
        encoded = {cell: encode(cell) for cell in set(cells) if cell is not None}
        if any(codes for _, codes in encoded.values()):
            self._count_warnings(index, cells, encoded)
        fields_of: dict[bytes | None, bytes] = {cell: self._field(text) for cell, (text, _) in encoded.items()}
        fields_of[None] = self._null
        return [fields_of[cell] for cell in cells]

    def _may_need_quotes(self, index: int) -> bool:
        """Returns whether a fast encoder, other than that of strings, returns fields that need quotes."""
        is_fractional = self._header.columns[index].kind in FRACTIONAL
        return self._encoders[index][0] is not protect_column and (
            self._quote_all or (is_fractional and self._separator == self._mark)
        )

    def _count_warnings(self, index: int, cells: Cells, encoded: dict[bytes, EncodedCell]) -> None:
        """Counts the rows of each warning."""
        for row, cell in enumerate(cells, self.state.rows + 1):
            for code in () if cell is None else encoded[cell][1]:
                first, rows = self.state.warned.get((code, index), (row, 0))
                self.state.warned[code, index] = (first, rows + 1)

    def _field(self, cell: bytes) -> bytes:
        """Quotes a field if necessary (RFC 4180 §2.5 to §2.7), with the locale's separator."""
        if self._quote_all or not cell or b'"' in cell or self._separator in cell or b"\n" in cell or b"\r" in cell:
            return b'"%b"' % cell.replace(b'"', b'""')
        return cell


Encoder = tuple[Callable[[Cells], list[bytes] | None], Callable[[bytes], EncodedCell]]
"""A fast encoder of a whole column, which returns None if it cannot encode it, and an encoder of one cell."""


def _encoder(column: Column, locale: Locale) -> Encoder:
    mark = locale.decimal.encode()
    numbers: Encoder = (lambda cells: _plain_numbers(cells, mark), lambda cell: _number(cell, mark, column.kind))
    yes, no = [word.encode() for word in LOGICAL_VALUES.get(locale.language, ("TRUE", "FALSE"))]
    encoders: dict[Kind, Encoder] = {
        "integer": numbers,
        "amount": numbers,
        "float": (_no_column, lambda cell: _float(cell, mark)),
        "boolean": (_no_column, lambda cell: (yes if cell == b"true" else no, ())),
        "timestamp": (_plain_timestamps, lambda cell: (_timestamp(cell), ())),
        "local_timestamp": (_no_column, lambda cell: (_timestamp(cell), ())),
        "date": (_no_column, lambda cell: (_date(cell), ())),
        "time": (_no_column, lambda cell: (_time(cell), ())),
        "interval": (_no_column, lambda cell: (_interval(cell, locale), ())),
    }
    return encoders.get(column.kind, (protect_column, _text))


def _no_column(cells: Cells) -> list[bytes] | None:  # noqa: ARG001  # the interface of fast encoders
    """Encodes no column as a whole."""
    return None


def _plain_numbers(cells: Cells, mark: bytes) -> list[bytes] | None:
    """Encodes a column of short numbers, which lose no digits. Only Infinity and NaN end in a letter."""
    if None in cells or any(
        len(cell) > MAX_NUMBER_DIGITS or cell[-1:] in {b"y", b"N"} for cell in cells if cell is not None
    ):
        return None
    joined = b"\0".join(cells)  # type: ignore[arg-type]
    return joined.replace(b".", mark).split(b"\0")


def _number(cell: bytes, mark: bytes, kind: Kind) -> EncodedCell:
    local, is_number = cell.replace(b".", mark), _NUMBER.fullmatch(cell)
    has_few_digits = len(cell.replace(b".", b"").strip(b"-0")) <= MAX_NUMBER_DIGITS
    if is_number and has_few_digits and abs(float(cell)) <= _MAX_FLOAT:
        return local, ()
    return protect_text(local if is_number else cell)[0], (_AMOUNT,) if kind == "amount" else ()


def _float(cell: bytes, mark: bytes) -> EncodedCell:
    """Encodes a float as a number, although Excel keeps 15 digits of it. NaN and Infinity are text."""
    if _FLOAT.fullmatch(cell) and abs(float(cell)) <= _MAX_FLOAT:
        return cell.replace(b".", mark), ()
    return protect_text(cell)[0], (_AMOUNT,)


def _time(cell: bytes) -> bytes:
    """Cuts a time of day to whole seconds, like a timestamp. Excel would show 24:00:00 as 00:00:00."""
    return b'="%b"' % cell if cell.startswith(b"24") else cell[:8]


def _interval(cell: bytes, locale: Locale) -> bytes:
    """Returns a duration of whole seconds as hours, minutes and seconds, and other intervals as text in words."""
    interval = parse_interval(cell)
    duration = interval.duration if interval else None
    if duration is None or duration % 1_000_000 or not 0 <= duration < _MAX_DURATION:
        return protect_text(interval_in_words(cell, locale).encode())[0]
    return clock(duration).encode()


def _plain_timestamps(cells: Cells) -> list[bytes] | None:
    """Removes the offset of a column of timestamps if all have one offset, whole seconds and years that Excel has."""
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
    """Removes the offset, and cuts to whole seconds: Excel and LibreOffice may round a fraction up to the next day."""
    # The offset is removed only if there is a time, because the end of a date looks like an offset.
    return _date(_FRACTION.sub(b"", _OFFSET.sub(b"", cell)) if b":" in cell else cell)


def _date(cell: bytes) -> bytes:
    """Returns an ISO 8601 date, which every Excel recognizes. Dates that Excel does not support are written as text."""
    return cell if _EXCEL_YEARS.match(cell) else b'="%b"' % cell


def _text(cell: bytes) -> EncodedCell:
    text, has_apostrophe = protect_text(cell)
    is_too_long = len(cell) > MAX_CELL_CHARACTERS and utf16_units(cell.decode()) > MAX_CELL_CHARACTERS
    codes: list[WarningCode] = []
    if is_too_long:
        codes.append(_CELL)
    if has_apostrophe:
        codes.append(_APOSTROPHE)
    return text, tuple(codes)
