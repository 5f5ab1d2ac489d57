"""PDFs without a cover, with a letterhead on the first page, and PDFs without a table of contents."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import repeat

import pytest

from resma.i18n.locales import LOCALES
from resma.report.format_options import PdfParts
from resma.report.header import Balance, Column, Total
from tests.support.pdf_readers import read_pages, require_valid_pdf
from tests.support.pdf_samples import COLUMNS, header, make, pdf, periods, plain

WRAPPING = (*COLUMNS[:2], replace(COLUMNS[2], wrap=True), *COLUMNS[3:])


def pages_of(data: bytes) -> list[str]:
    require_valid_pdf(data)
    return [page.text for page in read_pages(data)]


@pytest.mark.parametrize("columns", [COLUMNS, WRAPPING], ids=["plain", "wrapping"])
@pytest.mark.parametrize("rows", [1, 43, 44, 45, 200])
def test_the_first_page_begins_with_a_letterhead(columns: tuple[Column, ...], rows: int) -> None:
    lines = plain(rows)
    first, *more = pages_of(pdf(header(rows, columns=columns), lines, cover=False))
    for text in ("Nordbank", "Account transactions", "Status", "posted", "1,234,567.89", "Transaction"):
        assert text in first
    assert [row[0] for row in lines if str(row[0]) not in "".join((first, *more))] == []
    assert all(page.count("Counterparty") == 1 for page in (first, *more))
    assert len(more) == {1: 0, 43: 0, 44: 0, 45: 1, 200: 4}[rows]
    assert f"Page 1 of {1 + len(more)}" in first


def test_rows_are_below_the_letterhead() -> None:
    [page] = read_pages(pdf(header(3), plain(3), cover=False))
    words = {word.text: word for word in page.words}
    tops = [words[text].top for text in ("Nordbank", "transactions", "posted", "Counterparty", "100000", "100002")]
    assert tops == sorted(tops)
    assert tops[-2] - tops[-3] < 20  # the first row is directly below the headings


def test_an_empty_report_has_a_letterhead() -> None:
    [page] = pages_of(pdf(header(0, totals=()), [], cover=False))
    assert "No rows match." in page
    assert "posted" in page


def test_the_letterhead_says_how_much_it_leaves_out() -> None:
    filters = tuple((f"Filter {i}", f"value {i}") for i in range(30))
    totals = tuple(Total(f"C{i:02}", 1, (Decimal(i),)) for i in range(9))
    head = header(9, filters=filters, totals=totals, balance=Balance("10.00", "20.00"), totals_omitted=4)
    [page] = pages_of(pdf(head, plain(9), cover=False))
    assert "value 16" in page
    assert "value 17" not in page
    assert "+ 26" in page  # 13 filters, the number of rows, two balances, nine totals, and the number of others


@pytest.mark.parametrize("tag", LOCALES)
def test_every_locale_has_a_letterhead(tag: str) -> None:
    locale = LOCALES[tag]
    first, *_ = pages_of(pdf(header(60, locale=locale), plain(60), cover=False, orientation="portrait"))
    assert locale.format_number("1234567.89") in first


def test_contents_can_be_left_out() -> None:
    rows = plain(120)
    head = header(120, periods=periods(rows))
    assert any("Contents" in page for page in pages_of(pdf(head, rows)))
    assert not any("Contents" in page for page in pages_of(pdf(head, rows, contents=False)))
    bare = pages_of(pdf(head, rows, contents=False, cover=False))
    assert len(bare) == 3


def test_the_request_has_priority_over_the_report_type() -> None:
    head = replace(header(10), pdf=PdfParts(cover=False))
    assert len(pages_of(pdf(head, plain(10)))) == 1
    assert len(pages_of(pdf(head, plain(10), cover=True))) == 2


def test_bytes_do_not_depend_on_batches_or_continuations() -> None:
    rows, head = plain(130), header(130)
    whole = pdf(head, rows, cover=False)
    assert pdf(head, rows, repeat(7), cover=False) == whole
    writer = make(head, cover=False)
    start = writer.begin()
    resumed = make(head, cover=False)
    resumed.state = writer.state
    assert start + pdf_rest(resumed, rows) == whole


def pdf_rest(writer: object, rows: list[tuple[str | None, ...]]) -> bytes:
    """Returns the file after the header."""
    from resma.writers.pdf.writer import PdfWriter
    from tests.support.pdf_samples import batch

    assert isinstance(writer, PdfWriter)
    return writer.add(batch(rows)) + writer.end()
