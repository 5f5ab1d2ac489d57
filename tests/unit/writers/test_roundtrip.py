"""Any text, number, day, moment, JSON and NULL at each writer: what a reader finds is what the format can hold.

`RESMA_ROUNDTRIP_EXAMPLES=5000` tries so many reports a format; without it they are few.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings

from resma.errors import FormatLimitError
from resma.i18n.locales import Locale
from resma.report.format_options import CsvOptions, FormatOptions, NdjsonOptions
from resma.report.header import Column
from resma.report.rows import Batch
from resma.writers import make_writer
from resma.writers.saved_state import dump_state, load_state
from tests.support.generate_reports import GeneratedReport, make_report, reports
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

_ASKED = os.environ.get("RESMA_ROUNDTRIP_EXAMPLES")
EXAMPLES = settings(
    max_examples=int(_ASKED or 60),
    phases=set(Phase) - {Phase.explain},
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def _texts(report: GeneratedReport) -> list[tuple[str | None, ...]]:
    return [tuple(None if cell is None else cell.decode() for cell in row) for row in report.rows]


def check_csv(report: GeneratedReport, data: bytes) -> None:
    """CSV holds everything, as Postgres prints it."""
    rows = _texts(report)
    names = [column.name for column in report.header.columns]
    # Nothing between the separators is NULL; Python can't tell it from empty text.
    flat = [tuple(cell or "" for cell in row) for row in rows]
    assert read_csv_by_python(data) == [names, *map(list, flat)]
    # In a file of one column, NULL is empty text: an empty line would be no record.
    assert read_csv_by_duckdb(data, len(names)) == (rows if len(names) > 1 else flat)


def check_excel_csv(report: GeneratedReport, data: bytes) -> None:
    """What Excel opens: see `_in_excel`. NULL and empty text look the same."""
    locale = report.header.locale
    assert data.startswith(b"\xef\xbb\xbf")
    read = read_csv_by_python(data[3:], locale.list_separator)
    headings = [_text_in_excel(column.heading) for column in report.header.columns]
    rows = [_row_in_excel(row, report) for row in _texts(report)]
    assert read == [headings, *rows]
    for shown in (shown for row in read for shown in row):
        # Nothing that Excel would run, but for texts that are written as formulas on purpose.
        assert not re.match(r"[=@\t\r\n]|[+-](?![\d.,]+$)", shown) or re.fullmatch(_LITERALS, shown)


_LITERALS = re.compile(r'="([^"]|"")*"(&"([^"]|"")*")*')


def _row_in_excel(row: tuple[str | None, ...], report: GeneratedReport) -> list[str]:
    columns = zip(row, report.header.columns, strict=True)
    return [_in_excel(cell, column, report.header.locale) for cell, column in columns]


def _in_excel(cell: str | None, column: Column, locale: Locale) -> str:
    if cell is None:
        return ""
    if column.kind in {"integer", "amount"}:
        local = cell.replace(".", locale.decimal)
        return _text_in_excel(local) if _significant_digits(cell) > 15 or not cell[-1].isdigit() else local
    if column.kind == "timestamp":
        # A timestamp BC keeps its offset: it is text to Excel in any case.
        cell = re.sub(r"(?<=:\d\d)(\.\d+)?[+-][\d:]+$", "", cell)
    if column.kind in {"date", "timestamp"}:
        return cell if cell == "infinity" or (_is_common(cell) and cell >= "1900") else f'="{cell}"'
    return _text_in_excel(cell)


def _significant_digits(number: str) -> int:
    return len(number.replace(".", "").strip("-0")) if number[-1].isdigit() else 0


def _text_in_excel(text: str) -> str:
    """The texts here are shorter than 255 characters. What Excel may change is a formula that gives the text."""
    begins = text.strip()[:1] in {*"=+-@＝＋－＠"} or text[:1] in {"\t", "\r", "\n"}
    risky = begins or text.strip()[:1] == "#" or re.search(r"\d", text) or text.strip().lower() in {"true", "false"}
    if not text or not risky:
        return text
    if "\n" in text or "\r" in text:
        return f"'{text}" if begins else text
    return '="{}"'.format(text.replace('"', '""'))


def check_ndjson(report: GeneratedReport, data: bytes) -> None:
    """JSON holds everything; what is no number in JSON, and every day and moment, is a string."""
    names = [column.name for column in report.header.columns]
    kinds = [column.kind for column in report.header.columns]
    expected = [
        [(name, _in_json(cell, kind)) for name, kind, cell in zip(names, kinds, row, strict=True)]
        for row in _texts(report)
    ]
    read = read_ndjson(data)
    assert [list(item.items()) for item in read] == expected
    assert all(
        isinstance(value, Number) or value in {None, "NaN", "Infinity", "-Infinity"}
        for value in _numbers_of(report, read)
    )


def check_ndjson_of_strings(report: GeneratedReport, data: bytes) -> None:
    """The same, with no JSON number in the columns of numbers."""
    read = read_ndjson(data)
    names = [column.name for column in report.header.columns]
    kinds = [column.kind for column in report.header.columns]
    assert [list(item.items()) for item in read] == [
        [(name, _in_json(cell, kind)) for name, kind, cell in zip(names, kinds, row, strict=True)]
        for row in _texts(report)
    ]
    assert not any(isinstance(value, Number) for value in _numbers_of(report, read))


def _numbers_of(report: GeneratedReport, read: Sequence[dict[str, Any]]) -> list[Any]:
    kinds = [column.kind for column in report.header.columns]
    cells = [(value, kind) for item in read for value, kind in zip(item.values(), kinds, strict=True)]
    return [value for value, kind in cells if kind in {"integer", "amount"}]


def _in_json(cell: str | None, kind: str) -> Any:
    if cell is None:
        return None
    if kind == "json":
        return json.loads(cell, parse_float=Number, parse_int=Number)
    if kind == "timestamp" and re.match(r"\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d", cell) and not cell.endswith("BC"):
        whole = cell.replace(" ", "T")
        return f"{whole}:00" if re.search(r"[+-]\d\d$", whole) else whole
    return cell


def check_xlsx(report: GeneratedReport, data: bytes) -> None:
    """Excel holds what a double holds, days and whole seconds since March 1900, without zones; the rest is text."""
    columns = report.header.columns
    headings, *rows = read_xlsx(data)
    assert headings == tuple(column.heading for column in columns)
    assert len(rows) == len(report.rows)
    for read, row in zip(rows, _texts(report), strict=True):
        for value, cell, column in zip(read, row, columns, strict=True):
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
    """Whether a double, printed with the decimals that the column shows, gives the same digits."""
    scale = 0 if column.kind == "integer" else column.scale
    return _significant_digits(cell) <= 15 or f"{float(cell):.{scale}f}" == f"{Decimal(cell):.{scale}f}"


def _is_common(cell: str) -> bool:
    """Whether a day or a moment is of the years 1 to 9999."""
    return re.match(r"\d{4}-(?!.*BC)", cell) is not None


def check_pdf(report: GeneratedReport, data: bytes) -> None:
    """A page holds what its columns are wide enough for, as its readers write it, and NULL as nothing.

    Compared without spaces. What is not Latin is shaped, reordered or shown by a sign, which this can't undo: that it
    is written at all is all that is asked here.
    """
    columns = report.header.columns
    read = read_pdf(data, len(columns))
    for row, cells in enumerate(_texts(report)):
        for i, (cell, column) in enumerate(zip(cells, columns, strict=True)):
            if cell is None or re.fullmatch("[ -~À-ÖØ-öø-ÿ]*", cell):
                _assert_on_page(read.get((row, i), ""), _on_page(cell or "", column, report.header.locale), column)


def _assert_on_page(shown: str, whole: str, column: Column) -> None:
    whole = whole.replace(" ", "")
    if shown.endswith("…") and column.kind in {"text", "json"}:
        assert len(shown) > 15
        assert whole.startswith(shown[:-1])
    else:
        assert shown == whole


def _on_page(cell: str, column: Column, locale: Locale) -> str:
    if column.kind in {"integer", "amount"}:
        return cell.replace(".", locale.decimal)
    if column.kind in {"date", "timestamp"} and cell and _is_common(cell):
        parts = {"Y": cell[:4], "M": cell[5:7], "D": cell[8:10]}
        day = locale.date[1].join(parts[letter] for letter in locale.date[::2])
        return day + re.sub(r"[+-][\d:]+$", "", cell[10:])
    return cell


def check_parquet(report: GeneratedReport, data: bytes) -> None:
    """Parquet holds exact values of its types."""
    columns = report.header.columns
    expected = [
        tuple(None if cell is None else _in_parquet(cell, column) for cell, column in zip(row, columns, strict=True))
        for row in _texts(report)
    ]
    for read in (read_parquet_by_pyarrow(data), read_parquet_by_duckdb(data)):
        assert read == expected
        # 1 and 1.00 are equal: the digits count too.
        assert [[str(cell) for cell in row] for row in read] == [[str(cell) for cell in row] for row in expected]


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _in_parquet(cell: str, column: Column) -> Any:
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


def parquet_refuses(report: GeneratedReport) -> bool:
    """What has no exact value there is an error with a name."""
    return any(
        cell is not None and _has_no_value(cell, column)
        for row in _texts(report)
        for cell, column in zip(row, report.header.columns, strict=True)
    )


def _has_no_value(cell: str, column: Column) -> bool:
    if column.kind == "amount":
        whole, _, fraction = cell.partition(".")
        too_long = len(whole.lstrip("-0")) > column.decimal.whole_digits
        return cell.endswith(("y", "N")) or too_long or fraction[column.decimal.scale :].strip("0") != ""
    return column.kind in {"date", "timestamp"} and not _is_common(cell)


@dataclass(frozen=True)
class Case:
    """One format with its options, and what is true of its files."""

    name: str
    format: str
    check: Callable[[GeneratedReport, bytes], None]
    options: FormatOptions = field(default_factory=FormatOptions)
    unpack: Callable[[bytes], bytes] = bytes
    refuses: Callable[[GeneratedReport], bool] = lambda _report: False


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
    Case("parquet", "PARQUET", check_parquet, refuses=parquet_refuses),
)


def _write(case: Case, report: GeneratedReport, batches: Sequence[Batch], *, hand_over: bool = False) -> bytes:
    """The file; with `hand_over` each batch is written by a new writer, which is given the saved state of the last."""
    writer = make_writer(case.format, report.header, case.options)
    out = [writer.begin()]
    for batch in batches:
        if hand_over:
            saved = dump_state(writer.state)
            writer = make_writer(case.format, report.header, case.options)
            writer.state = load_state(saved, writer.state)
        out.append(writer.add(batch))
    return b"".join([*out, writer.end()])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@EXAMPLES
@given(report=reports())
# What has failed once.
@example(make_report(["timestamp"], [("infinity",), ("0044-03-15 10:00:00+05:53:28 BC",)], zone="Asia/Kolkata"))
@example(make_report(["text"], [(None,), ("",), (None,)]))
@example(make_report(["timestamp"], [("2000-01-01 00:00:00.000001+00",)]))
@example(make_report(["integer"], [("1000000000000001",), ("9007199254740993",)]))
@example(make_report(["amount"], [("1250000000000000.0",), ("0.00000000000000001",), ("123456789012345678",)]))
def test_what_is_written_is_read(case: Case, report: GeneratedReport) -> None:
    if case.refuses(report):
        with pytest.raises(FormatLimitError):
            _write(case, report, report.batches)
        return
    data = _write(case, report, report.batches)
    assert data == _write(case, report, [Batch(report.rows)]), "how rows are cut shows"
    assert data == _write(case, report, report.batches, hand_over=True), "a saved state goes on with other bytes"
    case.check(report, case.unpack(data))
