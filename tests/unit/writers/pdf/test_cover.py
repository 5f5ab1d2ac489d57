"""The cover contains all reconciliation data, whatever the number of charts and totals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from resma.i18n.locales import LOCALES
from resma.report.header import Balance, Chart, Column, ReportHeader, Series, Total
from resma.report.rows import Batch
from resma.writers.pdf.front.chart_labels import month_labels, percentage, scale, short_number, top_categories
from tests.support.pdf_readers import read_pages, require_valid_pdf
from tests.support.pdf_samples import make
from tests.support.sample_reports import NOT_SHOWN

HEADER = ReportHeader(
    report_id="0199f1c2-7b1e-7c3a-9f57-2b8f6a4d9e10",
    title="Account transactions",
    organization="Nordbank",
    filters=(("Period", "2024-01-01 to 2024-12-31"),),
    as_of=datetime(2025, 7, 1, 6, 30, 5, tzinfo=UTC),
    rows=0,
    totals=(Total("EUR", 1_234_567, (Decimal("-98765432101.25"),)), Total("JPY", 3, (Decimal(7),))),
    total_columns=NOT_SHOWN,
    charts=(),
    columns=(Column(name="id", heading="Id"),),
    locale=LOCALES["en-GB"],
    time_zone="Europe/London",
)


def cover(head: ReportHeader) -> list[str]:
    """Returns the text of each cover page, without the only table page."""
    writer = make(head)
    data = writer.begin() + writer.end()
    require_valid_pdf(data)
    return [page.text for page in read_pages(data)[:-1]]


def series(name: str, values: Sequence[int | str]) -> Series:
    return Series(name, tuple(Decimal(value) for value in values))


def months(count: int) -> tuple[str, ...]:
    return tuple(f"{1990 + i // 12}-{i % 12 + 1:02d}" for i in range(count))


def test_reconciliation_block() -> None:
    [page] = cover(HEADER)
    text = re.sub(r" +", " ", page)
    for expected in (
        "Nordbank",
        "Account transactions",
        "Period 2024-01-01 to 2024-12-31",
        "Rows 0",
        "As of 01/07/2025 06:30:05 UTC",
        "Time zone Europe/London",
        f"Report id {HEADER.report_id}",
        "EUR 1,234,567 -98,765,432,101.25",
        "JPY 3 7",
        "Page 1 of 2",
    ):
        assert expected in text


def test_data_that_does_not_fit_the_first_page_is_on_a_further_page() -> None:
    head = replace(
        HEADER,
        filters=tuple((f"Filter {i}", f"value {i} " * 30) for i in range(15)),
        totals=tuple(Total(f"C{i:02d}", i, (Decimal(i * 1000),)) for i in range(70)),
    )
    pages = cover(head)
    rest = re.sub(r"\s+", " ", "".join(pages[1:]))
    assert len(pages) > 2
    for i in range(15):
        assert rest.count(f"value {i} ") == 30
    for i in range(70):
        assert f"C{i:02d}" in rest
        assert f"{i:,} {'row' if i == 1 else 'rows'}, {i * 1000:,}" in rest


@pytest.mark.parametrize("orientation", ["landscape", "portrait"])
def test_balances_and_all_totals_are_on_the_first_page(orientation: str) -> None:
    head = replace(
        HEADER,
        locale=LOCALES["pt-BR"],
        balance=Balance("1234.5", "-98765.43"),
        orientation=orientation,  # type: ignore[arg-type]  # one of two
        charts=tuple(CHARTS[name] for name in ("month", "categories", "zeros")),
    )
    [page] = cover(head)
    text = re.sub(r" +", " ", page)
    for expected in (
        "Saldo inicial 1.234,5",
        "Saldo final -98.765,43",
        "Fuso horário Europe/London",
        "EUR 1.234.567 -98.765.432.101,25",
        "JPY 3 7",
        "jan 2024",
        "Página 1 de 2",
        f"Id do relatório {HEADER.report_id}",
    ):
        assert expected in text


@pytest.mark.parametrize("orientation", ["landscape", "portrait"])
def test_the_cover_shows_text_of_any_script(orientation: str) -> None:
    head = replace(
        HEADER,
        title="Отчёт по счетам",
        organization="Τράπεζα 中国银行",
        filters=(("名称", "北京" * 200), ("Банк", "中文")),
        totals=(Total("人民币", 5, (Decimal("7.5"),)),),
        orientation=orientation,  # type: ignore[arg-type]  # one of two
    )
    pages = cover(head)
    assert len(pages) == 2
    for expected in ("Отчёт по счетам", "Τράπεζα 中国银行", "名称", "Банк", "中文", "人民币"):
        assert expected in pages[0]
    assert pages[1].count("北") == pages[1].count("京") == 200
    assert "\ufffd" not in "".join(pages)


CHARTS = {
    "month": Chart("One month", "time", "rows", ("2024-01",), (series("rows", [5]),)),
    "centuries": Chart("Centuries", "time", "amount", months(999), (series("EUR", range(-500, 499)),)),
    "many currencies": Chart("Currencies", "time", "amount", months(12), tuple(
        series(f"C{i}", range(i, i + 12)) for i in range(30)
    )),
    "categories": Chart("Categories", "bars", "amount", tuple("abcdefghijklmnopqrstuvwxyz"), (
        series("EUR", range(26, 0, -1)), series("USD", range(-26, 0)),
    )),
    "nothing": Chart("Nothing", "bars", "rows", (), ()),
    "no values": Chart("No values", "share", "rows", (), (series("rows", []),)),
    "zeros": Chart("Zeros", "share", "rows", ("a", "b"), (series("rows", [0, 0]),)),
    "negative share": Chart("Negative", "share", "amount", ("a", "b"), (series("EUR", [-3, 4]),)),
    "not numbers": Chart("NaN", "time", "amount", months(3), (series("EUR", ["NaN", "Infinity", "1e400"]),)),
    "almost zero": Chart("Zero", "time", "amount", months(3), (series("EUR", ["5e-324", "0", "-5e-324"]),)),
    "almost zero shares": Chart("Zero", "share", "amount", ("a", "b"), (series("EUR", ["5e-324", "0"]),)),
    "huge": Chart("Huge", "bars", "amount", ("a", "b"), (series("IDR", ["1e30", "-1e29"]),)),
    "blank": Chart("", "bars", "rows", ("", "x" * 500), (series("", [1, 2]),)),
    "other scripts": Chart("Диаграмма 中", "bars", "rows", ("Ж", "中", "\U0001f600"), (series("rows", [1, 2, 3]),)),
}  # fmt: skip


@pytest.mark.parametrize("name", CHARTS)
def test_any_chart_can_be_drawn(name: str) -> None:
    [page] = cover(replace(HEADER, charts=(CHARTS[name],)))
    assert CHARTS[name].title in page
    assert "\ufffd" not in page


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (1, 1), (2, 1), (3, 1), (4, 2), (7, 2), (8, 3), (12, 4)])
def test_any_number_of_charts_fits(count: int, pages: int) -> None:
    charts = tuple(
        replace(CHARTS["categories" if i % 2 else "centuries"], title=f"Chart no. {i}") for i in range(count)
    )
    texts = cover(replace(HEADER, charts=charts))
    assert len(texts) == pages
    for i in range(count):
        assert f"Chart no. {i}" in "".join(texts)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (5, "5"), (0.25, "0.25"), (999, "999"), (1000, "1k"), (1250, "1.2k"), (10_000, "10k"),
     (999_960, "1M"), (1_200_000, "1.2M"), (-2.5e6, "-2.5M"), (123e9, "123B"), (7e12, "7T"), (2e18, "2.0e18")],
)  # fmt: skip
def test_numbers_in_charts_are_short(value: float, text: str) -> None:
    assert short_number(value) == text


@pytest.mark.parametrize(("low", "high"), [(0, 0), (0, 7), (-3, 0), (-1e9, 5e3), (0.001, 0.002), (1e200, 2e200)])
def test_scales_include_zero_and_all_values(low: float, high: float) -> None:
    minimum, maximum, step = scale(low, high, 4)
    assert minimum <= min(low, 0)
    assert maximum >= max(high, 0) * (1 - 1e-9)
    assert maximum > minimum
    assert 1 <= (maximum - minimum) / step <= 8


def test_small_categories_are_added_up() -> None:
    pairs = top_categories(["a", "b", "c", "d"], [4.0, 3.0, 2.0, 1.0], 3)
    assert pairs == [("a", 4.0), ("b", 3.0), ("Other (2)", 3.0)]


@pytest.mark.parametrize(
    ("tag", "numbers"),
    [("en-US", ["1.2k", "12.5M", "3B"]), ("pt-BR", ["1,2 mil", "12,5 mi", "3 bi"]),
     ("de-DE", ["1,2 Tsd.", "12,5 Mio.", "3 Mrd."])],
)  # fmt: skip
def test_short_numbers_are_in_the_locales_format(tag: str, numbers: list[str]) -> None:
    assert [short_number(value, LOCALES[tag]) for value in (1234, 12.5e6, 3e9)] == numbers


def test_months_and_percentages_are_in_the_locales_format() -> None:
    german, portuguese = LOCALES["de-DE"], LOCALES["pt-BR"]
    assert [label for _, label in month_labels(("2024-03", "2024-05"), 500, german)] == ["Mär 2024", "Mai 2024"]
    assert [label for _, label in month_labels(("2024-02", "2024-12"), 500, portuguese)] == ["fev 2024", "dez 2024"]
    assert percentage(0.1234, LOCALES["en-GB"]) == "12.3%"
    assert percentage(0.1234, LOCALES["de-DE"]) == "12,3\u00a0%"


def test_reports_without_totals_have_no_totals_block() -> None:
    """An audit trail has rows, but no amounts. A report without rows has the block: its type may have totals."""
    writer = make(replace(HEADER, rows=1, totals=()))
    data = writer.begin() + writer.add(Batch([(b"1",)])) + writer.end()
    text = "\n".join(page.text for page in read_pages(data))
    assert "Rows 1" in text
    assert "Totals by currency" not in text
    assert "Currencies" not in text
    [empty] = cover(replace(HEADER, totals=()))
    assert "Totals by currency" in empty


def test_bars_are_sorted_by_amount() -> None:
    """The largest amount comes first, whatever the number of rows, and bars that do not fit are added up at the end."""
    labels = tuple(f"label-{at:02}" for at in range(40, 0, -1))
    amounts = Chart("By amount", "bars", "amount", labels, (series("EUR", range(4000, 0, -100)),))
    [page] = cover(replace(HEADER, charts=(amounts,)))
    shown = re.findall(r"label-(\d\d)", page)
    assert len(shown) >= 10
    assert shown == [label[-2:] for label in labels[: len(shown)]]
    assert page.index(f"Other ({40 - len(shown)})") > page.rindex("label-")
