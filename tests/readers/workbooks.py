"""Workbooks for readers, and the expected values of their cells, which do not come from the writer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from unittest.mock import patch

from infra.paths import ROOT
from resma.catalog import ReportType, load_catalog
from resma.report.header import Column, Period, Total
from resma.report.rows import Row
from resma.writers.xlsx import writer as writer_module
from tests.support.xlsx_samples import COLUMNS, make_header, make_rows, write

SAMPLES = ROOT / "tests" / "support" / "report_types"

Cell = str | Decimal | datetime | None


@dataclass(frozen=True)
class Workbook:
    """Bytes of a file, and the expected cells of its data sheets in tab order.

    Strings are exact, and decimals must have the same double.
    """

    name: str
    data: bytes
    sheets: dict[str, list[list[Cell]]]


def _value(column: Column, cell: bytes | None) -> Cell:
    """Returns the value that a reader must return: timestamps have no time zone, and whole seconds."""
    if cell is None:
        return None
    text = cell.decode()
    if column.kind in {"integer", "amount"}:
        return Decimal(text)
    if column.kind == "date":
        return datetime.fromisoformat(text)
    if column.kind == "timestamp":
        return datetime.fromisoformat(text[:19])
    return text


def _make(
    name: str, columns: Sequence[Column], rows: Sequence[Row], as_text: Sequence[tuple[int, int]] = ()
) -> Workbook:
    """Creates a workbook. `as_text` are cells (row, column) of other columns that are stored as text."""
    header = make_header(len(rows), "en-GB", columns=tuple(columns), title="Data")
    cells = [[_value(column, cell) for column, cell in zip(columns, row, strict=True)] for row in rows]
    for row, column in as_text:
        cell = rows[row][column]
        assert cell is not None
        cells[row][column] = cell.decode()
    return Workbook(name, write(header, rows), {"Data": [[column.heading for column in columns], *cells]})


def _ordinary() -> Workbook:
    return _make("ordinary", COLUMNS, make_rows(300))


def _several_sheets() -> Workbook:
    """Creates a workbook with several data sheets, and a sheet of subtotals after them."""
    rows, totals = make_rows(250), (Total("BRL", 250, (Decimal(1),)),)
    header = make_header(250, "en-GB", title="Data", periods=(Period("2024-03", 250, totals),), subtotals=True)
    with patch.object(writer_module, "MAX_SHEET_ROWS", 101):
        data = write(header, rows)
    cells = [[_value(column, cell) for column, cell in zip(COLUMNS, row, strict=True)] for row in rows]
    headings: list[Cell] = [column.heading for column in COLUMNS]
    names = ("Data", "Data (2)", "Data (3)")
    return Workbook("several", data, {n: [headings, *cells[at * 100 :][:100]] for at, n in enumerate(names)})


def _empty() -> Workbook:
    return _make("empty", COLUMNS, [])


def _unusual_strings() -> Workbook:
    texts = [
        "plain", " before", "after ", "  ", "a  b", "=1+1", "007", "1.10", "TRUE", "<&>\"'", "]]>", "é\u00a0", "😀🇧🇷",
        "עברית", "العربية", "a\u202eb", "a\nb", "a\tb", "#N/A", "_x0041_", "a_x000D_b", "\x01", "a\rb", "_", "日本",
    ]  # fmt: skip
    columns = [
        Column("n", "N", "integer"),
        Column("alone", "Alone"),
        Column("shared", "Shared"),
        Column("j", "J", "json"),
    ]
    rows: list[Row] = [
        (b"%d" % at, text.encode(), text.encode(), text.encode()) for at, text in enumerate([*texts, *texts])
    ]
    return _make("odd", columns, rows)


def _long_strings() -> Workbook:
    """Creates a workbook with the longest strings that Excel's cells can hold."""
    generator = Random(1)  # random letters, because readers reject a file with a high compression ratio as a ZIP bomb
    letters = "".join(generator.choices("abcdefghijklmnopqrstuvwxyz <&", k=32_766)) + "."
    emoji = "".join(generator.choices("😀😁😂😃😄😅😆😇", k=16_383))
    columns = [Column("t", "T"), Column("j", "J", "json")]
    return _make("long", columns, [(letters.encode(), emoji.encode())] * 2)


def _nulls() -> Workbook:
    columns = [
        Column(kind, kind.title(), kind, scale=1) for kind in ("text", "integer", "amount", "date", "timestamp", "json")
    ]
    full: Row = (b"a", b"1", b"2.5", b"2024-02-29", b"2024-02-29 12:00:00+00", b"{}")
    rows: list[Row] = [full]
    rows += [tuple(cell if at == column else None for at, cell in enumerate(full)) for column in range(6)]
    return _make("nulls", columns, [*rows, (None,) * 6, full])


def _times() -> Workbook:
    columns = [Column("day", "Day_x0041_", "date"), Column("at", "At", "timestamp")]
    texts = [
        "1900-03-01 00:00:00", "1970-01-01 00:00:01", "1999-12-31 23:59:59.999999", "2024-01-31 23:59:59.999999",
        "2024-02-29 12:00:00", "2024-06-30 23:59:59.5", "2024-01-01 08:42:46.000001", "9999-12-31 23:59:59.999999",
        "2024-01-01 00:00:00.999999",
    ]  # fmt: skip
    first = datetime(1967, 4, 9, 5, 27, 42)  # noqa: DTZ001 - Excel has no zones
    texts += [str(first + timedelta(days=997 * at, seconds=7919 * at, microseconds=at * 7)) for at in range(60)]
    rows: list[Row] = [(text[:10].encode(), f"{text}+00".encode()) for text in texts]
    return _make("times", columns, rows)


def _amounts() -> Workbook:
    """Creates a workbook whose last rows have numbers that a double cannot hold, which are stored as text."""
    columns = [Column("a", "A", "amount", scale=2), Column("b", "B", "amount", grouped=True, scale=2)]
    numbers = ["0.00", "-1.10", "999999999999.99", "45035996273704.96", "1234567890123456.00", "-9007199254740992.00"]
    texts = ["12345678901234567.89", "99999999999999.99", "NaN"]
    rows: list[Row] = [(text.encode(), text.encode()) for text in [*numbers, *texts]]
    as_text = [(row, column) for row in range(len(numbers), len(rows)) for column in (0, 1)]
    return _make("amounts", columns, rows, as_text)


def _wide() -> Workbook:
    columns = [Column(f"c{at}", f"C{at}", "integer" if at % 2 else "text") for at in range(200)]
    rows: list[Row] = [
        tuple(b"%d" % (at * row) if at % 2 else b"t%d" % (at + row) for at in range(200)) for row in range(30)
    ]
    return _make("wide", columns, rows)


def _report_type(report_type: ReportType) -> Workbook:
    columns = [
        Column(spec.name, spec.heading.in_language("en"), spec.kind, spec.width, spec.align, spec.wrap, scale=2)
        for spec in report_type.columns
    ]
    cell_of: dict[str, Any] = {
        "integer": lambda at: b"%d" % at,
        "amount": lambda at: b"%d.%02d" % (at * 7 - 90, at),
        "date": lambda at: b"2024-01-%02d" % (at % 31 + 1),
        "timestamp": lambda at: b"2024-01-%02d %02d:59:59.9+00" % (at % 31 + 1, at % 24),
        "json": lambda at: b'{"at": %d}' % at,
        "text": lambda at: b"text %d" % (at % 5),
    }
    rows: list[Row] = [
        tuple(None if (at + index) % 11 == 0 else cell_of[c.kind](at) for index, c in enumerate(columns))
        for at in range(40)
    ]
    return _make(report_type.type.lower(), columns, rows)


def make_workbooks() -> list[Workbook]:
    """Creates all workbooks, including one for each report type."""
    types = [*load_catalog().values(), *load_catalog(SAMPLES).values()]
    special = [
        _ordinary(),
        _several_sheets(),
        _empty(),
        _unusual_strings(),
        _long_strings(),
        _nulls(),
        _times(),
        _amounts(),
    ]
    return [*special, _wide(), *map(_report_type, types)]
