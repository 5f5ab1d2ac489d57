"""The brand in PDFs: colors, footer, and a logo that the file contains once."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO
from typing import Any

import pikepdf
import pytest

from resma.report.brand import Brand, Logo, LogoShape, PixelLogo, VectorLogo
from resma.report.header import ReportHeader
from tests.support.pdf_readers import read_pages, require_valid_pdf
from tests.support.pdf_samples import header, pdf, periods, plain

CURVE = (("m", (0.0, 0.0)), ("l", (40.0, 0.0)), ("c", (40.0, 5.0, 20.0, 10.0, 0.0, 10.0)), ("h", ()))
VECTOR = VectorLogo(40, 10, (LogoShape(CURVE, "FF0000", "00FF00", 1, even_odd=True),))
PIXELS = PixelLogo(4, 2, bytes(range(24)))
FOOTER, LEGAL = "1 Main Street, Springfield", "Registered in England and Wales, number 01234567"


def branded(rows: int, logo: Logo | None = VECTOR) -> ReportHeader:
    brand = Brand("0b5fff", "f2a900", FOOTER, LEGAL, logo)
    return replace(header(rows, periods=periods(plain(rows)), subtotals=True), brand=brand)


def opened(data: bytes) -> pikepdf.Pdf:
    require_valid_pdf(data)
    return pikepdf.open(BytesIO(data))


@pytest.mark.parametrize("parts", [{}, {"cover": False, "contents": False}], ids=["cover", "letterhead"])
def test_every_page_has_the_footer_and_one_has_the_legal_text(parts: dict[str, Any]) -> None:
    data = pdf(branded(120), plain(120), **parts)
    require_valid_pdf(data)
    pages = [page.text for page in read_pages(data)]
    assert all(page.count(FOOTER) == 1 for page in pages)
    assert [LEGAL in page for page in pages] == [True, *[False] * (len(pages) - 1)]


@pytest.mark.parametrize("logo", [VECTOR, PIXELS], ids=["vector", "pixels"])
@pytest.mark.parametrize("parts", [{}, {"cover": False, "contents": False}], ids=["cover", "letterhead"])
def test_the_file_has_the_logo_once(logo: Logo, parts: dict[str, Any]) -> None:
    with opened(pdf(branded(200, logo), plain(200), **parts)) as file:
        logos = [
            item
            for item in file.objects
            if isinstance(item, pikepdf.Stream)
            and (item.get("/Width") == 4 or item.get("/BBox", [])[2:3] == [pikepdf.Object.parse(b"40")])
        ]
        assert len(logos) == 1
        forms = [item for item in file.objects if isinstance(item, pikepdf.Stream) and item.get("/Subtype") != "/Image"]
        assert any(b"/G Do" in form.read_bytes() for form in forms if form.get("/Subtype") == "/Form")


def test_paths_are_drawn_as_they_are() -> None:
    with opened(pdf(branded(1), plain(1))) as file:
        contents = [item.read_bytes() for item in file.objects if isinstance(item, pikepdf.Stream)]
    [drawn] = [content for content in contents if b"B*" in content]
    assert (
        drawn.split()
        == (
            b"1.000 0.000 0.000 rg 0.000 1.000 0.000 RG 1.0000 w 0.0000 0.0000 m 40.0000 0.0000 l "
            b"40.0000 5.0000 20.0000 10.0000 0.0000 10.0000 c h B*"
        ).split()
    )


def test_colors_replace_the_usual_ones() -> None:
    usual, blue = b"0.094 0.180 0.329", b"0.043 0.373 1.000"
    with opened(pdf(branded(120), plain(120))) as file:
        contents = b"".join(item.read_bytes() for item in file.objects if isinstance(item, pikepdf.Stream))
    assert usual not in contents
    assert blue in contents
    assert re.search(rb"\.949\d* \.66\d* 0 rg", contents)  # the line below the title of the cover, by reportlab


def test_a_report_without_a_brand_is_unchanged() -> None:
    rows = plain(60)
    assert pdf(replace(header(60), brand=Brand()), rows) == pdf(header(60), rows)
