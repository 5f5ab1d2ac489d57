"""Columns that do not fit a page are split over groups of pages, each of which has the first column."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import repeat
from typing import Any

import pytest

from resma.report.header import Column, Kind, Period, ReportHeader, Total
from tests.support.pdf_readers import read_pages, require_valid_pdf
from tests.support.pdf_samples import Row, header, make, pdf
from tests.support.sample_reports import NOT_SHOWN

KINDS: tuple[Kind, ...] = ("integer", "text", "date", "amount", "boolean")
CELLS = {"integer": "{}", "text": "text{}", "date": "2024-03-09", "amount": "{}.50", "boolean": "true"}


def report(columns: int, rows: int, **changes: Any) -> tuple[ReportHeader, list[Row]]:
    described = tuple(
        Column(f"c{at}", f"C{at}", KINDS[at % len(KINDS)], align="right" if at % len(KINDS) == 0 else "left")
        for at in range(columns)
    )
    lines: list[Row] = [
        tuple(CELLS[column.kind].format(1000 * row + at) for at, column in enumerate(described)) for row in range(rows)
    ]
    head = replace(header(rows, columns=described, total_columns=NOT_SHOWN), **changes)
    return head, lines


def pages_of(data: bytes) -> list[str]:
    require_valid_pdf(data)
    return [page.text for page in read_pages(data)]


@pytest.mark.parametrize("columns", [42, 120])
@pytest.mark.parametrize("options", [{}, {"cover": False}, {"orientation": "portrait"}], ids=str)
def test_every_cell_is_on_a_page(columns: int, options: dict[str, Any]) -> None:
    head, rows = report(columns, 130)
    writer = make(head, **options)
    pages = pages_of(pdf(head, rows, **options))
    assert len(pages) == writer._total_pages  # the number that footers print
    text = " ".join(pages).split()
    seen = set(text)
    assert {f"C{at}" for at in range(columns)} <= seen
    assert {cell for row in rows for cell in row if cell and cell.startswith("text")} <= seen
    groups = (len(pages) - ("cover" not in options)) // len([page for page in pages if "(2/" in page])
    assert text.count("C0") == len(pages) - ("cover" not in options)
    assert groups > 1


def test_the_pages_of_the_same_rows_follow_each_other() -> None:
    head, rows = report(42, 130)
    _, *pages = pages_of(pdf(head, rows))
    footers = [page[page.index("Rows ") :].split(" ·")[0].strip() for page in pages]
    groups = len(pages) // 3
    assert footers == [
        line
        for line in ("Rows 1 to 50 of 130", "Rows 51 to 100 of 130", "Rows 101 to 130 of 130")
        for _ in range(groups)
    ]
    assert [f"({number % groups + 1}/{groups})" in page for number, page in enumerate(pages)] == [True] * len(pages)


def test_contents_and_subtotals_of_split_columns() -> None:
    months = tuple(Period(f"2024-{month:02}", 40, (Total("EUR", 40, (Decimal(month),)),)) for month in (1, 2, 3))
    head, rows = report(42, 120, periods=months, subtotals=True)
    _, contents, *pages = pages_of(pdf(head, rows))
    first = next(number for number, page in enumerate(pages, 3) if "Subtotal January" in page)
    assert first == 3
    assert "January 2024" in contents
    assert sum(page.count("Subtotal March 2024") for page in pages) == len(pages) // 3


def test_wrapped_cells_of_split_columns() -> None:
    head, rows = report(42, 30)
    columns = tuple(replace(column, wrap=column.kind == "text") for column in head.columns)
    long = [tuple("several words " * 8 if cell and cell.startswith("text") else cell for cell in row) for row in rows]
    pages = pages_of(pdf(replace(head, columns=columns), long))
    assert "".join(pages).count("several") == 30 * 8 * len([c for c in columns if c.wrap])


def test_bytes_do_not_depend_on_batches() -> None:
    head, rows = report(60, 130)
    assert pdf(head, rows, repeat(17)) == pdf(head, rows)


def test_an_empty_report_has_one_page_for_the_table() -> None:
    head, _ = report(120, 0, totals=())
    assert len(pages_of(pdf(head, []))) == 2
