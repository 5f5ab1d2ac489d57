"""The brand in spreadsheets: colors of headings, titles and charts, and text of printed pages."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from decimal import Decimal

import openpyxl
import pytest

from resma.i18n.locales import LOCALES
from resma.report.brand import Brand
from resma.report.header import Chart, ReportHeader, Series
from resma.writers import make_writer
from resma.writers.xlsx.syntax.limits import page_footer, page_header
from tests.support.sample_reports import header, rows_of, write

BRAND = Brand("0b5fff", "f2a900", footer="R & D, 1 Main Street")
PARTS = Chart("Parts", "share", "rows", ("a", "b"), (Series("rows", (Decimal(3), Decimal(2))),))


def parts_of(head: ReportHeader) -> dict[str, bytes]:
    data = write(make_writer("XLSX", head), rows_of([["x", "y"], ["1", "2"]]), 2)
    openpyxl.load_workbook(io.BytesIO(data))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_colors_and_texts_of_the_brand() -> None:
    head = replace(header(["text", "integer"], 2), charts=(PARTS,), organization="Northwind & Co")
    usual, branded = parts_of(head), parts_of(replace(head, brand=BRAND))
    assert b"182E54" in usual["xl/styles.xml"]
    assert b"182E54" not in branded["xl/styles.xml"]
    assert branded["xl/styles.xml"].count(b"FF0B5FFF") == usual["xl/styles.xml"].count(b"FF182E54")
    assert b'<a:srgbClr val="0B5FFF"/>' in branded["xl/charts/chart1.xml"]
    for name in ("xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml"):
        assert b"<oddHeader>&amp;LNorthwind &amp;&amp; Co</oddHeader>" in branded[name]
        assert b"&amp;CR &amp;&amp; D, 1 Main Street&amp;R" in branded[name]
        assert b"oddHeader" not in usual[name]


def test_the_footer_stays_within_the_limit_of_excel() -> None:
    footer = page_footer("&" * 200, "x" * 200)
    assert len(footer) <= 255
    assert footer.endswith("&R&P / &N")
    assert "&C" + "x" * 50 in footer
    assert len(page_header("&" * 200)) <= 255


@pytest.mark.parametrize(("tag", "paper"), [("en-US", 1), ("es-MX", 1), ("en-CA", 1), ("fr-FR", 9), ("ja-JP", 9)])
def test_the_paper_is_that_of_the_locale(tag: str, paper: int) -> None:
    head = replace(header(["text", "integer"], 2), locale=LOCALES[tag])
    assert f'paperSize="{paper}"'.encode() in parts_of(head)["xl/worksheets/sheet2.xml"]
