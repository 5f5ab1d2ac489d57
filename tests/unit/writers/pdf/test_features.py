"""Features of PDF files: subtotals, contents, cells that wrap, locales and paper sizes."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from io import BytesIO
from itertools import pairwise
from typing import Any

import pytest
from pypdf import PdfReader

from resma.i18n.locales import LOCALES, cldr_locale
from resma.i18n.translations import translate
from resma.report.header import Balance, Column, Period, ReportHeader, Total
from tests.support.pdf_readers import Word, read_pages, require_valid_pdf
from tests.support.pdf_samples import COLUMNS, Row, header, pdf, periods, plain
from tests.support.sample_reports import NOT_SHOWN

TEXT = (
    Column(name="id", heading="Id", kind="integer", align="right"),
    Column(name="at", heading="At", kind="timestamp"),
    Column(name="text", heading="Text", wrap=True, width=2),
    Column(name="other", heading="Other"),
    Column(name="amount", heading="Amount", kind="amount", align="right", grouped=True),
)


def read(data: bytes) -> list[str]:
    """Returns a function that checks a file with qpdf and returns the text of each page."""
    require_valid_pdf(data)
    return [page.text for page in read_pages(data)]


def read_words(data: bytes) -> list[list[Word]]:
    """The words of each page of a file, which is checked first."""
    require_valid_pdf(data)
    return [page.words for page in read_pages(data)]


def opened(data: bytes) -> Any:
    """Opens a file with pypdf. The type is Any, because pypdf's types are too general for the tests."""
    return PdfReader(BytesIO(data), strict=True)


def lines_of(page: str) -> list[str]:
    return [re.sub(r"\s+", " ", line).strip() for line in page.splitlines() if line.strip()]


def two_currencies(rows: int, label: str) -> Period:
    return Period(label, rows, (Total("EUR", rows - 1, (Decimal("-1234.5"),)), Total("USD", 1, (Decimal(7),))))


def test_each_period_ends_with_a_line_per_currency() -> None:
    parts = tuple(two_currencies(rows, label) for rows, label in ((48, "2024-01"), (2, "2024-02"), (70, "2024-03")))
    rows = plain(120)
    pages = read(pdf(header(120, periods=parts, subtotals=True), rows))
    assert len(pages) == 2 + 3
    first, second, third = map(lines_of, pages[2:])
    assert first[-3:-1] == ["Subtotal January 2024 47 rows EUR -1,234.5", "1 row USD 7"]
    assert [line.split()[0] for line in second[2:6]] == ["100048", "100049", "Subtotal", "1"]
    assert second[4:6] == ["Subtotal February 2024 1 row EUR -1,234.5", "1 row USD 7"]
    assert third[-3:-1] == ["Subtotal March 2024 69 rows EUR -1,234.5", "1 row USD 7"]
    assert first[-1].endswith("Rows 1 to 48 of 120 · Page 3 of 5")
    assert second[-1].endswith("Rows 49 to 96 of 120 · Page 4 of 5")
    assert third[-1].endswith("Rows 97 to 120 of 120 · Page 5 of 5")
    numbers = [line.split()[0] for page in pages[2:] for line in lines_of(page) if re.match(r"\d{6} ", line)]
    assert numbers == [str(100_000 + i) for i in range(120)]


def test_subtotals_are_aligned_with_their_amounts() -> None:
    rows = plain(60)
    data = pdf(header(60, periods=periods(rows), subtotals=True), rows)
    tables = [word for page in read_words(data)[2:] for word in page]
    ends = [word.right for word in tables if re.fullmatch(r"-?[\d,]+\.\d\d", word.text)]
    assert len(ends) >= 60 + len(periods(rows))
    assert max(ends) - min(ends) < 0.1


def test_subtotals_without_an_amount_column_are_on_the_right() -> None:
    rows = [row[:4] for row in plain(30)]
    parts = (Period("2024", 30, (Total("EUR", 30, (Decimal(5),)),)),)
    head = header(30, columns=COLUMNS[:4], total_columns=NOT_SHOWN, periods=parts, subtotals=True)
    pages = read(pdf(head, rows))
    assert "Subtotal 2024 30 rows EUR 5" in lines_of(pages[-1])


@pytest.mark.parametrize("length", [4, 7, 10])
@pytest.mark.parametrize("subtotals", [False, True])
def test_contents_link_to_the_start_of_each_period(length: int, subtotals: bool) -> None:
    rows = plain(900, minutes=60 * 24)
    parts = periods(rows, length)
    data = pdf(header(900, periods=parts, subtotals=subtotals), rows)
    pages = read(data)
    reader = opened(data)
    first_table = next(i for i, page in enumerate(pages) if "Transaction" in page and "Counterparty" in page)
    listed = [line for page in pages[1:first_table] for line in lines_of(page) if re.search(r" \d{1,3}$", line)]
    listed = [line for line in listed if "Page" not in line]
    links = [annotation.get_object() for page in reader.pages[1:first_table] for annotation in page["/Annots"]]
    assert len(links) == len(listed) == len(parts)
    at = 0
    for part, line, link in zip(parts, listed, links, strict=True):
        target = reader.get_page_number(link["/Dest"][0].get_object())
        assert rows[at][0] in pages[target].split()
        assert line.split()[-1] == str(target + 1)
        assert f" {part.rows} " in line
        assert link["/F"] == 4
        # The row is directly below the position to which the link leads.
        top = float(link["/Dest"][3])
        assert 52 < top <= 552.01
        at += part.rows


def test_a_single_period_has_no_contents() -> None:
    pages = read(pdf(header(40, periods=(Period("2024", 40, ()),)), plain(40)))
    assert len(pages) == 2


def wrapped_rows(count: int) -> list[Row]:
    words = "lorem ipsum dolor sit amet consectetur "
    return [
        (str(i), "2024-01-01 00:00:00+00", words * (i % 7) + f"end{i}", f"other{i}", f"{i}.25") for i in range(count)
    ]


def test_long_cells_wrap_onto_further_lines() -> None:
    rows = wrapped_rows(300)
    data = pdf(header(300, columns=TEXT), rows)
    pages = read(data)
    text = " ".join(line for page in pages[1:] for line in lines_of(page)[2:-1])
    for i in range(300):
        assert f"end{i}" in text
    assert text.count("consectetur") == sum((row[2] or "").count("consectetur") for row in rows)
    total = len(pages)
    assert lines_of(pages[0])[-1].endswith(f"Page 1 of {total}")
    for number, page in enumerate(pages[1:], 2):
        assert re.search(rf"Page {number} of {total}$", lines_of(page)[-1])
    matches = [re.search(r"Rows (\d+) to (\d+) of 300", lines_of(page)[-1]) for page in pages[1:]]
    bounds = [(int(match[1]), int(match[2])) for match in matches if match]
    assert bounds[0][0] == 1
    assert bounds[-1][1] == 300
    assert all(later[0] == earlier[1] + 1 for earlier, later in pairwise(bounds))


def test_wrapped_lines_stay_within_their_column() -> None:
    rows: list[Row] = [("1", None, text, None, "1") for text in ("W" * 400, "Ж" * 300, "wide Ελλ " * 60, "a\nb\r\nc")]
    [_, page, *_] = read_words(pdf(header(4, columns=TEXT), rows))
    left, right = 30 + 781.89 * 2 / 6, 30 + 781.89 * 4 / 6
    found = "".join(word.text for word in page if left <= word.left and word.right <= right and word.top > 50)
    assert found.count("W") == 400
    assert found.count("Ж") == 300
    assert found.count("Ελλ") == 60


def test_a_row_takes_at_most_one_page() -> None:
    rows: list[Row] = [(str(i), None, f"start{i} " + "word " * 9000 + "never", None, "1") for i in range(3)]
    pages = read(pdf(header(3, columns=TEXT), rows))
    assert len(pages) == 4
    for i, page in enumerate(pages[1:]):
        assert f"start{i}" in page
        assert len(lines_of(page)) == 2 + 50 + 1
        assert lines_of(page)[-2].endswith("…")
    assert "never" not in "".join(pages)


def test_wrapping_with_periods_and_subtotals() -> None:
    rows = wrapped_rows(200)
    parts = tuple(Period(f"2024-{m:02d}", 20, (Total("EUR", 20, (Decimal(m),)),)) for m in range(1, 11))
    data = pdf(header(200, columns=TEXT, periods=parts, subtotals=True), rows)
    pages = read(data)
    reader = opened(data)
    text = "".join(pages[2:])
    assert text.count("Subtotal") == 10
    for at, link in enumerate(reader.pages[1]["/Annots"]):
        target = reader.get_page_number(link.get_object()["/Dest"][0].get_object())
        assert f"other{20 * at} " in pages[target] + " "


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("en-US", ["Rows 1 to 3 of 3 · Page 3 of 3", "03/09/2024 12:00:00", "-1,234,567.5", "March 2024", "Contents"]),
        ("en-GB", ["Rows 1 to 3 of 3 · Page 3 of 3", "09/03/2024 12:00:00", "-1,234,567.5", "March 2024", "Contents"]),
        ("pt-BR", ["Linhas 1 a 3 de 3 · Página 3 de 3", "09/03/2024 12:00:00", "-1.234.567,5", "março 2024", "Índice"]),
        ("de-DE", ["Zeilen 1 bis 3 von 3 · Seite 3 von 3", "09.03.2024 12:00:00", "-1.234.567,5", "März 2024"]),
        ("fr-FR", ["Lignes 1 à 3 sur 3 · Page 3 sur 3", "09/03/2024 12:00:00", "-1 234 567,5", "mars 2024"]),
        ("es-ES", ["Filas 1 a 3 de 3 · Página 3 de 3", "09/03/2024 12:00:00", "-1.234.567,5", "marzo 2024"]),
        ("it-IT", ["Righe 1 a 3 di 3 · Pagina 3 di 3", "09/03/2024 12:00:00", "-1.234.567,5", "marzo 2024", "Indice"]),
        ("es-MX", ["Filas 1 a 3 de 3 · Página 3 de 3", "09/03/2024 12:00:00", "-1,234,567.5", "marzo 2024"]),
        ("en-CA", ["Rows 1 to 3 of 3 · Page 3 of 3", "2024-03-09 12:00:00", "-1,234,567.5", "March 2024"]),
        ("ja-JP", ["行 1 – 3 / 3 · ページ 3 / 3", "2024/03/09 12:00:00", "-1,234,567.5", "2024年3月", "小計"]),
    ],
)  # fmt: skip
def test_words_numbers_and_dates_are_in_the_locales_format(tag: str, expected: list[str]) -> None:
    rows: list[Row] = [
        ("1", "2024-03-09 12:00:00-03", "a", "b", "-1234567.5"),
        ("2", "2024-03-09 12:00:00.25+05:30", "a", "b", "0"),
        ("3", "2024-04-09 12:00:00-03", "a", "b", "999"),
    ]
    head = header(
        3, locale=LOCALES[tag], periods=periods(rows), subtotals=True, time_zone="America/Sao_Paulo",
        balance=Balance("1000.00", "-1233567.50"),
    )  # fmt: skip
    data = pdf(head, rows)
    pages = read(data)
    text = " ".join(line for page in pages for line in lines_of(page))
    for words in expected:
        assert words in text
    assert text.count("America/Sao_Paulo") >= 3
    balance = head.locale.format_number("-1233567.50")
    assert any(balance in page for page in pages)
    assert opened(data).root_object["/Lang"] == tag


@pytest.mark.parametrize("tag", LOCALES)
def test_the_footer_of_wrapping_rows_has_the_number_of_pages(tag: str) -> None:
    """The number of pages is printed by a form at the end of the footer."""
    pages = read(pdf(header(200, columns=TEXT, locale=LOCALES[tag]), wrapped_rows(200)))
    of = translate("of", LOCALES[tag].language)
    numbers = [f"{translate('Page', LOCALES[tag].language)} {n} {of} {len(pages)}" for n in range(2, len(pages) + 1)]
    assert len(numbers) > 1
    for number, page in zip(numbers, pages[1:], strict=True):
        assert number in " ".join(lines_of(page))


@pytest.mark.parametrize(
    ("tag", "shown"),
    [("es-ES", ["1234", "12.345"]), ("it-IT", ["1234", "12.345"]), ("hi-IN", ["1,234", "1,23,45,678"])],
)
def test_numbers_are_grouped_as_in_the_locale(tag: str, shown: list[str]) -> None:
    locale = cldr_locale(tag)
    assert locale is not None
    values = [text.replace(".", "").replace(",", "") for text in shown]
    columns = (Column("a", "A", "integer", align="right", grouped=True),)
    rows = [(value,) for value in values]
    [_, page] = read(pdf(header(2, columns=columns, locale=locale, total_columns=NOT_SHOWN), rows))
    assert all(text in lines_of(page) for text in shown)
    ungrouped = replace(locale, group="")
    [_, page] = read(pdf(header(2, columns=columns, locale=ungrouped, total_columns=NOT_SHOWN), rows))
    assert all(text in lines_of(page) for text in values)


def test_decimal_marks_are_aligned() -> None:
    columns = (*COLUMNS[:4], replace(COLUMNS[4], scale=3))
    rows: list[Row] = [("1", None, None, None, amount) for amount in ("1.125", "-20.5", "300", "1234567.89")]
    [_, page] = read_words(pdf(header(4, columns=columns), rows))
    ends = {word.text: word.right for word in page}
    digit = 0.561 * 7  # Roboto's digits, to a hundredth of a point
    assert ends["1.125"] - ends["1,234,567.89"] == pytest.approx(digit, abs=0.05)
    assert ends["1.125"] - ends["-20.5"] == pytest.approx(2 * digit, abs=0.05)
    assert ends["1.125"] - ends["300"] > 3 * digit + 1


@pytest.mark.parametrize("align", ["left", "right"])
@pytest.mark.parametrize(
    ("width", "pattern"), [(2.0, "09/03/2024 12:34:56.{}"), (0.9, "09/03/2024 12:34:56"), (0.5, None)]
)
def test_timestamps_have_fractions_if_they_fit(width: float, pattern: str | None, align: str) -> None:
    columns = (
        Column(name="at", heading="At", kind="timestamp", width=width, align=align),  # type: ignore[arg-type]
        Column(name="text", heading="Text", width=9.0),
    )
    fractions = ["123456", "5", "25", "123456"] * 20
    rows: list[Row] = [(f"2024-03-09 12:34:56.{part}-03", f"end {part}") for part in fractions]
    [_, *pages] = read(pdf(header(80, columns=columns, total_columns=NOT_SHOWN), rows))
    lines = [line for page in pages for line in lines_of(page) if " end " in line]
    expected = [f"{(pattern or '09/03/2024 12:34:56').format(part)} end {part}" for part in fractions]
    assert lines == expected


@pytest.mark.parametrize(
    ("tag", "options", "size", "slots"),
    [
        ("en-US", {}, (792, 612), 50),
        ("pt-BR", {}, (841.89, 595.28), 50),
        ("pt-BR", {"orientation": "portrait"}, (595.28, 841.89), 74),
        ("en-US", {"orientation": "portrait"}, (612, 792), 68),
        ("en-US", {"orientation": "portrait", "paper": "A4"}, (595.28, 841.89), 74),
        ("de-DE", {"paper": "Letter"}, (792, 612), 50),
    ],
)
def test_paper_and_orientation(tag: str, options: dict[str, Any], size: tuple[float, float], slots: int) -> None:
    rows = plain(200)
    head = header(200, locale=LOCALES[tag], periods=periods(rows))
    data = pdf(head, rows, **options)
    pages = read(data)
    assert len(pages) == 2 + -(-200 // slots)
    for page in opened(data).pages:
        assert (float(page.mediabox.width), float(page.mediabox.height)) == pytest.approx(size, abs=0.01)


def test_a_report_type_can_have_portrait_pages() -> None:
    portrait: ReportHeader = header(3, orientation="portrait")
    requested: dict[str, Any] = {"orientation": "landscape"}
    for options, is_portrait in (({}, True), (requested, False)):
        page = opened(pdf(portrait, plain(3), **options)).pages[1]
        assert (page.mediabox.height > page.mediabox.width) is is_portrait


def test_files_have_the_visible_properties_of_pdf_a() -> None:
    rows = plain(120)
    reader = opened(pdf(header(120, periods=periods(rows), title="A & <B>"), rows))
    root = reader.root_object
    packet = root["/Metadata"].get_object().get_data().decode()
    assert "<pdfaid:part>2</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>" in packet
    assert "A &amp; &lt;B&gt;" in packet
    intent = root["/OutputIntents"][0].get_object()
    profile = intent["/DestOutputProfile"].get_object()
    assert profile["/N"] == 3
    assert profile.get_data()[36:40] == b"acsp"
    assert len(reader.trailer["/ID"]) == 2
    for page in reader.pages:
        assert "/Resources" in page
        for font in page["/Resources"]["/Font"].values():
            assert embedded(font.get_object())


def embedded(font: Any) -> bool:
    described = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
    return "/FontFile2" in described["/FontDescriptor"] or "/FontFile3" in described["/FontDescriptor"]
