"""Checks of files against the cells that they should contain, with readers that share no code with the writers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from resma.i18n.locales import Locale
from resma.report.format_options import CsvOptions, FormatOptions, NdjsonOptions
from resma.report.header import Column
from resma.report.rows import Batch
from resma.writers import make_writer
from resma.writers.saved_state import dump_state, load_state
from tests.support.further_kinds import (
    FURTHER_KINDS,
    assert_in_xlsx,
    in_excel_csv,
    in_json,
    in_parquet,
    on_page,
    parquet_lacks,
)
from tests.support.generate_reports import GeneratedReport
from tests.support.read_formats import (
    Number,
    read_csv_by_duckdb,
    read_csv_by_python,
    read_ndjson,
    read_parquet_by_duckdb,
    read_parquet_by_pyarrow,
    read_pdf,
    read_xlsx,
    unpack_gzip,
    unpack_zstd,
)


def _cells(report: GeneratedReport) -> list[tuple[str | None, ...]]:
    return [tuple(None if cell is None else cell.decode() for cell in row) for row in report.rows]


def check_csv(report: GeneratedReport, data: bytes) -> None:
    """CSV has all values exactly as Postgres prints them."""
    rows = _cells(report)
    names = [column.name for column in report.header.columns]
    # An unquoted empty field is NULL, but Python reads it as an empty string.
    flat = [tuple(cell or "" for cell in row) for row in rows]
    assert read_csv_by_python(data) == [names, *map(list, flat)]
    # In a file of one column, NULL is written as an empty string, because readers skip empty lines.
    assert read_csv_by_duckdb(data, len(names)) == (rows if len(names) > 1 else flat)


def check_excel_csv(report: GeneratedReport, data: bytes) -> None:
    """The CSV profile for Excel has the cells of `_in_excel`. NULL and the empty string look the same."""
    locale = report.header.locale
    assert data.startswith(b"\xef\xbb\xbf")
    read = read_csv_by_python(data[3:], locale.list_separator)
    headings = [_text_in_excel(column.heading) for column in report.header.columns]
    rows = [_row_in_excel(row, report) for row in _cells(report)]
    assert read == [headings, *rows]
    for field_ in (field_ for row in read for field_ in row):
        # Excel must not evaluate anything except strings that are written as formulas on purpose.
        assert not re.match(r"[=@\t\r\n]|[+-](?![\d.,]+(e[+-]\d+)?$)", field_) or re.fullmatch(_LITERALS, field_)


_LITERALS = re.compile(r'="([^"]|"")*"(&"([^"]|"")*")*')


def _row_in_excel(row: tuple[str | None, ...], report: GeneratedReport) -> list[str]:
    columns = zip(row, report.header.columns, strict=True)
    return [_in_excel(cell, column, report.header.locale) for cell, column in columns]


def _in_excel(cell: str | None, column: Column, locale: Locale) -> str:
    if cell is None:
        return ""
    if column.kind in FURTHER_KINDS:
        return in_excel_csv(cell, column.kind, locale)
    if column.kind in {"integer", "amount"}:
        local = cell.replace(".", locale.decimal)
        return _text_in_excel(local) if _significant_digits(cell) > 15 or not cell[-1].isdigit() else local
    if column.kind == "timestamp":
        # A timestamp BC keeps its offset, because Excel treats it as text in any case.
        cell = re.sub(r"(?<=:\d\d)(\.\d+)?[+-][\d:]+$", "", cell)
    if column.kind in {"date", "timestamp"}:
        return cell if cell == "infinity" or (_is_common(cell) and cell >= "1900") else f'="{cell}"'
    return _text_in_excel(cell)


def _significant_digits(number: str) -> int:
    return len(number.replace(".", "").strip("-0")) if number[-1].isdigit() else 0


_TRUTH_VALUES = frozenset(
    ["true", "false", "wahr", "falsch", "verdadeiro", "falso", "verdadero", "vrai", "faux", "vero"]
)
"""Words that Excel reads as logical values, in the languages of the tests."""


def _text_in_excel(text: str) -> str:
    """Returns the expected field for a string of at most 255 characters: a formula if Excel might change it."""
    begins = text.strip()[:1] in {*"=+-@＝＋－＠"} or text[:1] in {"\t", "\r", "\n"}
    risky = begins or text.strip()[:1] == "#" or re.search(r"\d", text) or text.strip().lower() in _TRUTH_VALUES
    if not text or not risky:
        return text
    if "\n" in text or "\r" in text:
        return f"'{text}" if begins else text
    return '="{}"'.format(text.replace('"', '""'))


def check_ndjson(report: GeneratedReport, data: bytes) -> None:
    """JSON has all values. Dates, timestamps, and numbers that JSON does not have, are strings."""
    names = [column.name for column in report.header.columns]
    kinds = [column.kind for column in report.header.columns]
    expected = [
        [(name, _in_json(cell, kind)) for name, kind, cell in zip(names, kinds, row, strict=True)]
        for row in _cells(report)
    ]
    read = read_ndjson(data)
    assert [list(item.items()) for item in read] == expected
    assert all(
        isinstance(value, Number) or value in {None, "NaN", "Infinity", "-Infinity"}
        for value in _numbers_of(report, read)
    )


def check_ndjson_of_strings(report: GeneratedReport, data: bytes) -> None:
    """JSON has all values, and columns of numbers contain no JSON numbers."""
    read = read_ndjson(data)
    names = [column.name for column in report.header.columns]
    kinds = [column.kind for column in report.header.columns]
    assert [list(item.items()) for item in read] == [
        [(name, _in_json(cell, kind)) for name, kind, cell in zip(names, kinds, row, strict=True)]
        for row in _cells(report)
    ]
    assert not any(isinstance(value, Number) for value in _numbers_of(report, read))


def _numbers_of(report: GeneratedReport, read: Sequence[dict[str, Any]]) -> list[Any]:
    kinds = [column.kind for column in report.header.columns]
    cells = [(value, kind) for item in read for value, kind in zip(item.values(), kinds, strict=True)]
    return [value for value, kind in cells if kind in {"integer", "amount"}]


def _in_json(cell: str | None, kind: str) -> Any:
    if cell is None:
        return None
    if kind in FURTHER_KINDS:
        return in_json(cell, kind)
    if kind == "json":
        return json.loads(cell, parse_float=Number, parse_int=Number)
    if kind == "timestamp" and re.match(r"\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d", cell) and not cell.endswith("BC"):
        whole = cell.replace(" ", "T")
        return f"{whole}:00" if re.search(r"[+-]\d\d$", whole) else whole
    return cell


def check_xlsx(report: GeneratedReport, data: bytes) -> None:
    """Excel has exact doubles, and dates and whole seconds since March 1900 without time zones; the rest is text."""
    columns = report.header.columns
    headings, *rows = read_xlsx(data)
    assert headings == tuple(column.heading for column in columns)
    assert len(rows) == len(report.rows)
    for read, row in zip(rows, _cells(report), strict=True):
        for value, cell, column in zip(read, row, columns, strict=True):
            if cell is not None and column.kind in FURTHER_KINDS:
                assert_in_xlsx(value, cell, column.kind, report.header.locale)
            else:
                _assert_in_xlsx(value, cell, column)


_FIRST_EXCEL_DAY = "1900-03-01"


def _assert_in_xlsx(value: Any, cell: str | None, column: Column) -> None:
    if not cell:
        assert value is None
    elif column.kind in {"integer", "amount"} and cell[-1].isdigit() and _is_exact_double(cell, column):
        assert isinstance(value, int | float)
        assert float(value) == float(cell)
    elif column.kind in {"date", "timestamp"} and _is_common(cell) and cell >= _FIRST_EXCEL_DAY:
        local = re.sub(r"(?<=:\d\d)(\.\d+)?[+-][\d:]+$", r"\1", cell)
        assert isinstance(value, datetime)
        assert value == datetime.fromisoformat(local).replace(microsecond=0), "cut to whole seconds"
    else:
        assert value == cell


def _is_exact_double(cell: str, column: Column) -> bool:
    """Returns whether a double, printed with the column's decimals, has the same digits."""
    scale = 0 if column.kind == "integer" else column.scale
    return _significant_digits(cell) <= 15 or f"{float(cell):.{scale}f}" == f"{Decimal(cell):.{scale}f}"


def _is_common(cell: str) -> bool:
    """Returns whether a date or timestamp is in the years 1 to 9999."""
    return re.match(r"\d{4}-(?!.*BC)", cell) is not None


def check_pdf(report: GeneratedReport, data: bytes) -> None:
    """A page shows as much of each value as fits, in the locale's format, and nothing for NULL.

    Values are compared without spaces. Text in other scripts than Latin is shaped, reordered or replaced, which cannot
    be undone here. For such text, the test only requires that the file can be written.
    """
    columns = report.header.columns
    read = read_pdf(data, len(columns))
    for row, cells in enumerate(_cells(report)):
        for i, (cell, column) in enumerate(zip(cells, columns, strict=True)):
            if cell is None or re.fullmatch("[ -~À-ÖØ-öø-ÿ]*", cell):
                _assert_on_page(read.get((row, i), ""), text_on_page(cell or "", column, report.header.locale), column)


def _assert_on_page(text: str, whole: str, column: Column) -> None:
    whole = whole.replace(" ", "")
    if text.endswith("…") and column.kind in {"text", "json", "binary"}:
        assert len(text) > 15
        assert whole.startswith(text[:-1])
    else:
        assert text == whole


def text_on_page(cell: str, column: Column, locale: Locale) -> str:
    """Returns the text that a page shows for a cell, if there is space for it."""
    if cell and column.kind in FURTHER_KINDS:
        return on_page(cell, column.kind, locale)
    if column.kind in {"integer", "amount"}:
        return cell.replace(".", locale.decimal)
    if column.kind in {"date", "timestamp"} and cell and _is_common(cell):
        parts = {"Y": cell[:4], "M": cell[5:7], "D": cell[8:10]}
        day = locale.date[1].join(parts[letter] for letter in locale.date[::2])
        return day + re.sub(r"[+-][\d:]+$", "", cell[10:])
    return cell


def check_parquet(report: GeneratedReport, data: bytes) -> None:
    """Parquet has exact values of its types."""
    columns = report.header.columns
    expected = [
        tuple(None if cell is None else _in_parquet(cell, column) for cell, column in zip(row, columns, strict=True))
        for row in _cells(report)
    ]
    for read in (read_parquet_by_pyarrow(data), read_parquet_by_duckdb(data)):
        assert read == expected
        # 1 and 1.00 are equal, but the number of digits must match too.
        assert [[str(cell) for cell in row] for row in read] == [[str(cell) for cell in row] for row in expected]


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _in_parquet(cell: str, column: Column) -> Any:
    if column.kind in FURTHER_KINDS:
        return in_parquet(cell, column.kind)
    if column.kind == "integer":
        return int(cell)
    if column.kind == "amount":
        whole, _, fraction = cell.partition(".")
        scale = column.decimal.scale
        return Decimal(f"{whole}.{fraction:0<{scale}}"[: len(whole) + 1 + scale] if scale else whole)
    if column.kind == "date":
        return (date.fromisoformat(cell) - _EPOCH.date()).days
    if column.kind == "timestamp":
        return (datetime.fromisoformat(cell) - _EPOCH) // timedelta(microseconds=1)
    return cell


def parquet_rejects(report: GeneratedReport) -> bool:
    """Returns whether a value has no exact representation in Parquet, which is an error."""
    return any(
        cell is not None and _has_no_value(cell, column)
        for row in _cells(report)
        for cell, column in zip(row, report.header.columns, strict=True)
    )


def _has_no_value(cell: str, column: Column) -> bool:
    if column.kind in FURTHER_KINDS:
        return parquet_lacks(cell, column.kind)
    if column.kind == "amount":
        whole, _, fraction = cell.partition(".")
        too_long = len(whole.lstrip("-0")) > column.decimal.whole_digits
        return cell.endswith(("y", "N")) or too_long or fraction[column.decimal.scale :].strip("0") != ""
    return column.kind in {"date", "timestamp"} and not _is_common(cell)


@dataclass(frozen=True)
class Case:
    """A format with its options, and the check of its files."""

    name: str
    format: str
    check: Callable[[GeneratedReport, bytes], None]
    options: FormatOptions = field(default_factory=FormatOptions)
    unpack: Callable[[bytes], bytes] = bytes
    rejects: Callable[[GeneratedReport], bool] = lambda _report: False


CASES = (
    Case("csv", "CSV", check_csv),
    Case("csv.gz", "CSV", check_csv, FormatOptions(csv=CsvOptions(compression="gzip")), unpack_gzip),
    Case("csv.zst", "CSV", check_csv, FormatOptions(csv=CsvOptions(compression="zstd")), unpack_zstd),
    Case("csv-excel", "CSV", check_excel_csv, FormatOptions(csv=CsvOptions(profile="excel"))),
    Case("ndjson", "NDJSON", check_ndjson),
    Case("ndjson-strings", "NDJSON", check_ndjson_of_strings, FormatOptions(ndjson=NdjsonOptions(numbers="string"))),
    Case("ndjson.gz", "NDJSON", check_ndjson, FormatOptions(ndjson=NdjsonOptions(compression="gzip")), unpack_gzip),
    Case("ndjson.zst", "NDJSON", check_ndjson, FormatOptions(ndjson=NdjsonOptions(compression="zstd")), unpack_zstd),
    Case("xlsx", "XLSX", check_xlsx),
    Case("pdf", "PDF", check_pdf),
    Case("parquet", "PARQUET", check_parquet, rejects=parquet_rejects),
)


def write_case(case: Case, report: GeneratedReport, batches: Sequence[Batch], *, resume: bool = False) -> bytes:
    """Writes a file. With `resume`, each batch is written by a new writer that resumes from the saved state."""
    writer = make_writer(case.format, report.header, case.options)
    out = [writer.begin()]
    for batch in batches:
        if resume:
            saved = dump_state(writer.state)
            writer = make_writer(case.format, report.header, case.options)
            writer.state = load_state(saved, writer.state)
        out.append(writer.add(batch))
    return b"".join([*out, writer.end()])
