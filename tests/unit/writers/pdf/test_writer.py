"""PDF files, read by independent programs: qpdf, poppler and pypdf."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from pypdf import PdfReader

from resma.errors import RowCountMismatchError
from resma.report.header import Chart, Column, Period, Series
from tests.support.pdf_readers import read_in_order, read_pages, require_valid_pdf
from tests.support.pdf_samples import COLUMNS, Row, batch, header, make, pdf, periods, plain
from tests.support.poppler import read_by_poppler
from tests.support.random_search import make_random, random_search
from tests.support.sample_reports import NOT_SHOWN


def formatted(row: Row) -> list[str]:
    """Returns the cells of a row as they are expected on the page."""
    number, when, memo, other, amount = row
    return [
        number or "",
        day_first(when or ""),
        memo or "",
        other or "",
        f"{Decimal(amount):,}" if amount else "",
    ]


def day_first(when: str) -> str:
    return f"{when[8:10]}/{when[5:7]}/{when[:4]}{when[10:-3]}"


def saved(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "report.pdf"
    path.write_bytes(data)
    return path


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


@pytest.mark.parametrize("count", [1, 50, 51, 1234])
def test_every_cell_is_read_in_its_row_and_column(count: int) -> None:
    rows = plain(count)
    data = pdf(header(count), rows)
    require_valid_pdf(data)
    pages = [page.text for page in read_pages(data)[1:]]
    assert len(pages) == -(-count // 50)
    for i, page in enumerate(pages):
        lines = [squeezed(line) for line in page.splitlines() if line.strip()]
        expected = [squeezed(" ".join(formatted(row))) for row in rows[i * 50 : i * 50 + 50]]
        assert lines[1] == "Transaction Booked at Memo Counterparty Amount"
        assert lines[2:-1] == expected
        assert lines[-1].endswith(f"Page {i + 2} of {len(pages) + 1}")


def test_poppler_reads_the_same_lines() -> None:
    """It takes a file for damaged that other readers accept, if numbers of objects are missing."""
    data = pdf(header(1234), plain(1234))
    pages = [page.splitlines() for page in read_by_poppler(data, "-layout")]
    lines = [[squeezed(line) for line in page if line.strip()] for page in pages]
    assert lines == [page.text.splitlines() for page in read_pages(data)]


def test_pypdf_reads_the_same_cells() -> None:
    rows = plain(120)
    reader = PdfReader(BytesIO(pdf(header(120), rows)), strict=True)
    assert len(reader.pages) == 4
    for i, page in enumerate(reader.pages[1:]):
        text = page.extract_text()
        for row in rows[i * 50 : i * 50 + 50]:
            for cell in formatted(row):
                assert cell in text


@random_search
def test_bytes_do_not_depend_on_batches() -> None:
    rows = [*plain(333), *NASTY * 10, *plain(77)]
    head = header(len(rows))
    whole = pdf(head, rows)
    for seed, max_rows in ((1, 3), (2, 60), (3, 200)):
        rng = make_random(seed)
        sizes = iter(lambda: rng.randrange(max_rows), -1)  # noqa: B023  # includes empty batches
        assert pdf(head, rows, sizes) == whole
    assert pdf(head, rows, iter([1] * len(rows))) == whole


NASTY: list[Row] = [
    ("1", "2024-02-29 23:59:59.123456+00", "quotes ' \" and (paren) ) ( \\ \\n \\", "tab\there", "-0.01"),
    ("2", "0044-03-15 12:00:00+00 BC", "two\nlines\r\nthree\rfour", "Ελληνική Τράπεζα", "1234567"),
    (None, None, None, None, None),
    ("", "", "", "", ""),
    ("4", "infinity", "emoji \U0001f600 \U0001f468\u200d\U0001f469", "Сбербанк", "NaN"),
    ("5", "-infinity", "שלום עולם مرحبا", "中文字符", "Infinity"),
    ("6", "2024-01-01 00:00:00.5+00", "cafe\u0301 e\u0308", "\ue000 \ufffe \uffff", "-Infinity"),
    ("7", "2024-01-01 00:00:00+00", "\x01\x02\x1a\x1f\x7f\x85\x9f", "€ – “x” …", "1000000.5"),
    ("8", "12024-01-01 00:00:00+00", "x" * 100_000, "W" * 300, "0"),
    ("9" * 40, "2024-01-01 00:00:00+00", "\u2028line\u2029", "\u0301" * 500, "9" * 38 + ".99"),
]


def test_unusual_text_stays_within_its_cell_and_can_be_copied() -> None:
    data = pdf(header(len(NASTY)), NASTY)
    require_valid_pdf(data)
    text = "\n".join(read_in_order(data)[1:])
    for expected in (
        "quotes ' \" and (paren) ) ( \\ \\n \\",
        "two¶lines¶three¶four",
        "Ελληνική Τράπεζα",
        "\U0001f600",
        "Сбербанк",
        "中文字符",
        "€ – “x” …",
        "0044-03-15 12:00:00+00 BC",
        "-infinity",
        "01/01/2024 00:00:00.5",
        "NaN",
        "-Infinity",
        "1,000,000.5",
        "-0.01",
        "9" * 40,
        "99," + ",".join(["999"] * 12) + ".99",
    ):
        assert expected in text
    assert "29/02/2024 23:59:59" in text
    assert "x" * 40 + "…" in re.sub(r"x{41,}", "x" * 40, text)


def test_text_stays_within_its_column() -> None:
    """poppler returns the position of each word, which must be between the edges of its column."""
    rows: list[Row] = [
        ("9" * n, "2024-01-01 00:00:00.123456+00 BC", "Wm@" * n, "ѾⅧЊ" * n, "1" + "0" * n) for n in range(1, 60)
    ]
    words = [word for page in read_pages(pdf(header(len(rows)), rows))[1:] for word in page.words]
    edges = [30.0]
    for column in COLUMNS:
        edges.append(edges[-1] + column.width * 781.89 / sum(c.width for c in COLUMNS))
    found = 0
    for word in words:
        if not 53 < word.top < 555:
            continue
        left = max(edge for edge in edges if edge <= word.left)
        right = edges[edges.index(left) + 1]
        assert left + 3 <= word.left
        assert word.right <= right - 3 + 0.1, word
        found += 1
    assert found >= 5 * len(rows)


def test_numbers_are_right_aligned() -> None:
    amounts = ["1.00", "-22.00", "333333.33", "-4444444444.44", "0", "NaN", "1" * 45]
    rows: list[Row] = [("1", None, None, None, amount) for amount in amounts]
    words = [word for page in read_pages(pdf(header(len(rows)), rows))[1:] for word in page.words]
    ends = [word.right for word in words if re.fullmatch(r"[-\d,.]{2,}|0|NaN", word.text)]
    flush = [x for x in ends if x > 800]
    assert len(flush) >= len(amounts)
    assert max(flush[: len(amounts)]) - min(flush[: len(amounts)]) < 0.1


def test_a_report_without_rows_has_one_page_with_a_message() -> None:
    data = pdf(header(0, totals=(), filters=()), [])
    require_valid_pdf(data)
    [_, page] = read_pages(data)
    assert "No rows match." in page.text


@pytest.mark.parametrize(("expected", "actual"), [(10, 9), (10, 11), (0, 1), (50, 120), (1, 0)])
def test_a_wrong_number_of_rows_is_an_error(expected: int, actual: int) -> None:
    writer = make(header(expected))
    writer.begin()
    writer.add(batch(plain(actual)))
    with pytest.raises(RowCountMismatchError, match=str(expected)):
        writer.end()


def test_all_fonts_are_embedded_subsets_with_unicode() -> None:
    charts = (Chart("By type", "bars", "rows", ("Ж", "x"), (Series("rows", (Decimal(1), Decimal(2))),)),)
    with pikepdf.open(BytesIO(pdf(header(len(NASTY), title="Отчёт 中", charts=charts), NASTY))) as file:
        objects = [item for item in file.objects if isinstance(item, pikepdf.Dictionary)]
        fonts = [item for item in objects if item.get("/Type") == "/Font" and "/CIDSystemInfo" not in item]
        assert len(fonts) >= 4
        for font in fonts:
            assert "/ToUnicode" in font
            described = font.DescendantFonts[0] if "/DescendantFonts" in font else font
            assert re.match("/[A-Z]{6}[+]", str(described.BaseFont)), described.BaseFont  # a subset
            assert {"/FontFile2", "/FontFile3"} & set(described.FontDescriptor.keys())


def test_metadata(tmp_path: Path) -> None:
    path = saved(tmp_path, pdf(header(120, title="Umsätze (1)"), plain(120)))
    reader = PdfReader(path, strict=True)
    root = reader.root_object
    assert str(root["/Lang"]) == "en-GB"
    assert str(root["/ViewerPreferences"]) == "{'/DisplayDocTitle': True}"
    assert reader.page_labels == ["1", "2", "3", "4"]
    assert reader.metadata is not None
    assert reader.metadata.title == "Umsätze (1)"
    assert reader.metadata.author == "Nordbank"
    assert reader.metadata.creation_date == datetime(2025, 7, 1, 6, 30, 5, tzinfo=UTC)
    assert reader.xmp_metadata is not None
    assert reader.xmp_metadata.dc_title == {"x-default": "Umsätze (1)"}
    assert all(page.mediabox.width > page.mediabox.height for page in reader.pages)


def outline_of(reader: PdfReader) -> list[object]:
    """Returns titles with their pages (from 0); children are in a list after their parent."""

    def walk(items: Sequence[object]) -> list[object]:
        return [
            walk(item) if isinstance(item, list) else (item["/Title"], reader.get_destination_page_number(item))  # type: ignore[index,arg-type]
            for item in items
        ]

    return walk(reader.outline)


def test_bookmarks_lead_to_the_first_page_of_each_month(tmp_path: Path) -> None:
    rows = plain(300, minutes=60 * 24 // 2)
    head = header(300, periods=periods(rows))
    reader = PdfReader(saved(tmp_path, pdf(head, rows)), strict=True)
    expected: list[object] = [("Summary", 0), ("Contents", 1)]
    names = ("January", "February", "March", "April", "May")
    for number, name in enumerate(names, 1):
        first = next(i for i, row in enumerate(rows) if (row[1] or "").startswith(f"2024-{number:02d}"))
        expected.append((f"{name} 2024", 2 + first // 50))
    assert outline_of(reader) == expected


def test_many_months_are_grouped_under_their_years(tmp_path: Path) -> None:
    rows = plain(400, minutes=60 * 24 * 3)
    reader = PdfReader(saved(tmp_path, pdf(header(400, periods=periods(rows)), rows)), strict=True)
    outline = outline_of(reader)
    titles = [item[0] for item in outline if isinstance(item, tuple)]
    assert titles == ["Summary", "Contents", "2024", "2025", "2026", "2027"]
    years = [item for item in outline if isinstance(item, list)]
    assert [len(months) for months in years[:3]] == [12, 12, 12]


def test_many_days_are_grouped_under_months_and_years(tmp_path: Path) -> None:
    rows = plain(200, minutes=60 * 24 // 2)
    reader = PdfReader(saved(tmp_path, pdf(header(200, periods=periods(rows, 10)), rows)), strict=True)
    outline = outline_of(reader)
    assert outline[:3] == [("Summary", 0), ("Contents", 1), ("2024", 5)]
    year = outline[3]
    assert isinstance(year, list)
    assert [item[0] for item in year if isinstance(item, tuple)] == [
        f"{name} 2024" for name in ("January", "February", "March", "April")
    ]
    assert year[1][:2] == [("01/01/2024", 5), ("02/01/2024", 5)]


@pytest.mark.parametrize("order", ["descending", "null"])
def test_bookmarks_of_rows_in_a_different_order(order: str, tmp_path: Path) -> None:
    rows = plain(300, minutes=60 * 24 // 2)[::-1]
    if order == "null":
        rows = [(a, None, c, d, e) for a, _, c, d, e in rows]
    reader = PdfReader(saved(tmp_path, pdf(header(300, periods=periods(rows)), rows)), strict=True)
    titles = [item[0] for item in outline_of(reader) if isinstance(item, tuple)]
    if order == "descending":
        months = ["May 2024", "April 2024", "March 2024", "February 2024", "January 2024"]
        assert titles == ["Summary", "Contents", *months]
    else:
        assert titles == ["Summary", "Without date"]


def test_a_report_without_periods_has_a_bookmark_for_its_rows(tmp_path: Path) -> None:
    reader = PdfReader(saved(tmp_path, pdf(header(60), plain(60))), strict=True)
    assert outline_of(reader) == [("Summary", 0), ("Rows", 1)]


def test_periods_that_do_not_add_up_are_an_error() -> None:
    with pytest.raises(RowCountMismatchError, match="periods"):
        make(header(10, periods=(Period("2024", 9, ()),)))


def test_dates_and_text_can_be_right_aligned() -> None:
    columns = (
        Column(name="at", heading="At", kind="timestamp", align="right"),
        Column(name="day", heading="Day", kind="date", align="right", width=0.2),
        Column(name="text", heading="Text", align="right"),
        Column(name="count", heading="Count", kind="integer", width=0.3),
    )
    rows: list[Row] = [
        ("2024-05-06 07:08:09+00", "2024-05-06", "Ж (x) \\ y", "1" * 30),
        ("2024-05-06 07:08:09.25+00", "0001-01-01 BC", "long (text) " * 50, "-12"),
    ]
    data = pdf(header(2, columns=columns, total_columns=NOT_SHOWN), rows)
    require_valid_pdf(data)
    [_, page] = read_pages(data)
    found = page.text.splitlines()[2:4]
    assert found[0] == f"06/05/2024 07:08:09 06/05/2024 Ж (x) \\ y {'1' * 30}"
    assert re.fullmatch(r"06/05/2024 07:08:09.25 0001-01-01 BC (long \(text\) ){3,}\S*.*… -12", found[1])
