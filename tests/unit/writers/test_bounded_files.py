"""Truncated summaries in files: the largest items, the sum of the others, and the number of omitted items."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import openpyxl
import pyarrow.parquet
import pytest
from pypdf import PdfReader
from reportlab.graphics.shapes import String

from resma.i18n.locales import LOCALES
from resma.jobs.stored_charts import MAX_BARS
from resma.report.header import Chart, Column, Period, Series, Total
from resma.report.rows import Batch
from resma.writers import make_writer
from resma.writers.parquet.writer import BLOCK_BYTES
from resma.writers.pdf.front.chart_labels import top_categories
from resma.writers.pdf.front.charts import chart_drawing
from resma.writers.pdf.front.style import register_fonts
from resma.writers.xlsx.front.chart_data import make_panels
from tests.support.sample_reports import header, rows_of, write
from tests.support.stored_charts import store

SERIES = (Series("BRL", tuple(map(Decimal, (5, -900, 7, 1))), Decimal(3)), Series("USD", (Decimal(1),) * 4, Decimal(2)))
BARS = Chart("Fees", "bars", "amount", ("a", "b", "c", "d"), SERIES, labels_omitted=11, series_omitted=28)


def test_bars_are_sorted_and_grouped_by_amount_in_the_pdf() -> None:
    pairs = top_categories(BARS.labels, [5.0, -900.0, 7.0, 1.0], 3, "Other", (11, 3.0))
    assert pairs == [("c", 7.0), ("b", -900.0), ("Other (13)", 9.0)]
    assert top_categories(("a", "b"), [1.0, 2.0], 3) == [("b", 2.0), ("a", 1.0)]


def test_the_pdf_shows_the_number_of_omitted_series_and_categories() -> None:
    register_fonts()
    strings = _strings(chart_drawing(BARS, LOCALES["en-US"], 520, 300))
    assert "2 of 30" in strings
    assert strings.count("Other (11)") == 2
    assert strings.index("c") < strings.index("a") < strings.index("d") < strings.index("b")


def _strings(drawing: Any) -> list[str]:
    """Returns the strings of a drawing, in the order in which they are drawn."""
    if isinstance(drawing, String):
        return [drawing.text]
    return [text for part in getattr(drawing, "contents", []) for text in _strings(part)]


def test_bars_are_sorted_and_grouped_by_amount_in_the_spreadsheet() -> None:
    many = tuple(f"c{i}" for i in range(20))
    chart = replace(BARS, labels=many, series=(Series("BRL", tuple(map(Decimal, range(20))), Decimal(3)),))
    (panel,) = make_panels(replace(header(["text"], 0), charts=(chart,)))
    assert panel.labels == (*(f"c{i}" for i in range(19, 5, -1)), "Other (17)")
    assert panel.values[-1] == sum(range(6)) + 3
    assert panel.title == "Fees (BRL; 1 of 29)"


def test_bars_are_sorted_and_grouped_by_amount_in_the_summary() -> None:
    many = tuple(f"c{i}" for i in range(20))
    values = [*range(10), *range(-10, 0)]
    chart = Chart("x", "bars", "amount", many, (Series("BRL", tuple(map(Decimal, values)), Decimal(3)),), 11)
    stored = store(chart)
    stored_values = list(map(int, stored["series"][0]["values"]))
    largest = sorted(sorted(values, key=abs, reverse=True)[: MAX_BARS - 1], reverse=True)
    assert stored_values == [*largest, sum(values) - sum(largest) + 3]
    assert stored["labels"][-1] == f"Other ({20 - MAX_BARS + 1 + 11})"


@pytest.mark.parametrize("format_", ["PDF", "XLSX", "PARQUET"])
def test_files_with_six_thousand_currencies_are_small_and_show_the_number_of_omitted_ones(format_: str) -> None:
    totals = tuple(Total(f"C{i}", 2, (Decimal(i),)) for i in range(1000))
    rows = rows_of([["x"] * 3])
    head = replace(header(["text"], 3), totals=totals, totals_omitted=5000)
    data = write(make_writer(format_, head), rows)
    assert len(data) < 200_000
    if format_ == "XLSX":
        sheet = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]
        lines = [[cell.value for cell in row] for row in sheet.iter_rows()]
        (last,) = [line for line in lines if str(line[0]).startswith("+ 5000")]
        assert last[1] == 3 - 2000
        assert max(len(str(cell)) for line in lines for cell in line) < 32_767
    if format_ == "PDF":
        assert data.count(b"/Type/Page/") < 10


def test_subtotals_show_the_number_of_omitted_currencies() -> None:
    totals = tuple(Total(f"C{i}", 1, (Decimal(i),)) for i in range(2))
    periods = (Period("2024-01", 3, totals, 40), Period("2024-02", 1, totals[:1]))
    head = replace(header(["text"], 4), periods=periods, subtotals=True)
    rows = rows_of([["x"] * 4])
    book = openpyxl.load_workbook(io.BytesIO(write(make_writer("XLSX", head), rows)))
    lines = [[cell.value for cell in row] for row in book["Subtotal"].iter_rows(min_row=2)]
    assert [(line[1], line[2], line[3]) for line in lines] == [
        ("C0", 1, 0), ("C1", 1, 1), ("+ 40", 1, None), ("C0", 1, 0)
    ]  # fmt: skip


def test_parquet_groups_of_wide_rows_end_by_bytes_whatever_the_batches() -> None:
    """A block of 1,024 of these rows would have 100 MB."""
    head = header(["text"], 100)
    rows = rows_of([["x" * 100_000] * 100])
    data = write(make_writer("PARQUET", head), rows, 7)
    assert data == write(make_writer("PARQUET", head), rows, 100)
    file = pyarrow.parquet.ParquetFile(io.BytesIO(data))
    sizes = [file.metadata.row_group(at).total_byte_size for at in range(file.num_row_groups)]
    assert file.read().num_rows == 100
    assert len(sizes) > 1
    assert max(file.metadata.row_group(at).num_rows for at in range(file.num_row_groups)) * 100_000 < 4 * BLOCK_BYTES


@pytest.mark.parametrize("wrap", [False, True])
def test_a_pdf_keeps_only_the_visible_part_of_a_wide_cell(wrap: bool) -> None:
    column = Column("memo", "Memo", wrap=wrap)
    narrow = replace(header(["text"], 30), columns=(replace(column, max_bytes=10),))
    wide = replace(narrow, columns=(replace(column, max_bytes=10**6),))
    rows = [(b"ab c" * 250_000,) for _ in range(30)]
    writer = make_writer("PDF", wide)
    writer.begin()
    writer.add(Batch(rows[:20]))
    assert sum(len(cell or b"") for row in writer.state.pending for cell in row) < 1_000_000
    assert _visible(write(make_writer("PDF", wide), rows)) == _visible(write(make_writer("PDF", narrow), rows))


def _visible(data: bytes) -> list[str]:
    return [re.sub(r"\s+", " ", page.extract_text()) for page in PdfReader(io.BytesIO(data)).pages[1:]]
