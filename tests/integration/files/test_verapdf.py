"""veraPDF accepts files as PDF/A-2b: with characters without a glyph, all scripts, and empty reports."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from resma.i18n.locales import LOCALES
from resma.report.brand import Brand, LogoShape, PixelLogo, VectorLogo
from resma.report.header import Chart, Series, Total
from tests.readers.verapdf.validate import VeraPdfMissingError, is_required, validate_pdf_a
from tests.support.pdf_samples import COLUMNS, Row, header, pdf, plain
from tests.support.sample_reports import NOT_SHOWN
from tests.support.scripts import MIXED, TEXTS

TRICKY = {
    "replacement": "a \ufffd b",
    "replacement beside others": "Ж\ufffd中\ufffd",
    "no font": "\U00010900 \U00012000 \ue000 \U0010fffd",
    "noncharacters": "\ufdd0 \ufffe \uffff \U0001fffe",
    "invisible": "a\u00adb\u200bc\u2060d\ufeffe\u200ef\U000e0041",
    "controls": "a\x01b\x7fc\x85d\x9fe",
    "lone marks": "\u0301 \u093f \u0e31 \u200d",
    "family": "👨\u200d👩\u200d👧\u200d👦 ☎\ufe0f",
}
"""Strings for whose characters a font may have no glyph."""


def accepted(files: list[Path]) -> None:
    try:
        assert validate_pdf_a(files) == []
    except VeraPdfMissingError as missing:
        if is_required():
            raise
        pytest.skip(str(missing))


def rows_of(text: str) -> list[Row]:
    return [("1", "2024-01-01 00:00:00+00", text, text, text), (None, None, None, text * 40, "1.00")]


def test_all_kinds_of_text_conform_to_pdf_a(tmp_path: Path) -> None:
    """The strings are in cells, headings, titles, totals and charts: all of them in one file, and each in its own."""
    samples = {**TEXTS, **MIXED, **TRICKY}
    files = []
    for number, text in enumerate([*samples.values(), "\n".join(samples.values())]):
        columns = tuple(replace(column, heading=text, wrap=column.name == "memo") for column in COLUMNS)
        charts = (Chart(text, "bars", "rows", (text, "b"), (Series(text, (Decimal(1), Decimal(2))),)),)
        totals = (Total(text, 2, (Decimal(1),)),)
        head = header(2, title=text, organization=text, filters=((text, text),), columns=columns, charts=charts)
        path = tmp_path / f"{number}.pdf"
        path.write_bytes(pdf(replace(head, totals=totals), rows_of(text)))
        files.append(path)
    accepted(files)


def test_empty_reports_conform_to_pdf_a(tmp_path: Path) -> None:
    heads = (header(0), header(0, totals=()), header(0, filters=(), orientation="portrait"))
    files = [tmp_path / f"{number}.pdf" for number in range(len(heads))]
    for path, head in zip(files, heads, strict=True):
        path.write_bytes(pdf(head, []))
    accepted(files)


def test_files_with_parts_of_the_fonts_conform_to_pdf_a(tmp_path: Path) -> None:
    """Files of one page have only the characters that they show; one of more than 20 pages has all of them."""
    latin = "".join(chr(code) for code in (*range(33, 127), *range(0xA1, 0x100))) + "€…–ŽžŒœŸ"
    texts = [latin[at : at + 8] for at in range(0, len(latin), 8)]
    files = []
    for number, text in enumerate([*texts, latin, "", "1"]):
        columns = tuple(replace(column, heading=text or "x") for column in COLUMNS)
        rows = plain(1050) if number == 0 else rows_of(text)[:1]
        head = header(len(rows), title=text, organization=text, filters=((text, text),), columns=columns)
        files.append(tmp_path / f"{number}.pdf")
        files[-1].write_bytes(pdf(head, rows, cover=False, contents=False))
    accepted(files)


@pytest.mark.parametrize("logo", ["vector", "pixels"])
def test_brands_letterheads_and_split_columns_conform_to_pdf_a(tmp_path: Path, logo: str) -> None:
    curve = (("m", (0.0, 0.0)), ("l", (40.0, 0.0)), ("c", (40.0, 5.0, 20.0, 10.0, 0.0, 10.0)), ("h", ()))
    vector = VectorLogo(40, 10, (LogoShape(curve, "FF0000", "00FF00", 1, even_odd=False),))
    chosen = vector if logo == "vector" else PixelLogo(4, 2, bytes(range(24)))
    columns = tuple(replace(COLUMNS[at % len(COLUMNS)], name=f"c{at}", wrap=False) for at in range(60))
    files = []
    for locale in LOCALES.values():
        head = header(60, locale=locale, brand=Brand("0b5fff", "f2a900", "Main Street", "Registered", chosen))
        wide = replace(head, columns=columns, total_columns=NOT_SHOWN)
        long = [row * 12 for row in plain(60)]
        for name, data in (
            ("cover", pdf(head, plain(60))),
            ("letterhead", pdf(head, plain(60), cover=False, contents=False)),
            ("wide", pdf(wide, long, cover=False)),
        ):
            files.append(tmp_path / f"{name}-{locale.tag}.pdf")
            files[-1].write_bytes(data)
    accepted(files)


def test_a_file_that_violates_pdf_a_is_named(tmp_path: Path) -> None:
    valid, broken = tmp_path / "valid.pdf", tmp_path / "broken.pdf"
    data = pdf(header(1), rows_of("a")[:1])
    valid.write_bytes(data)
    broken.write_bytes(data.replace(b"<pdfaid:part>2<", b"<pdfaid:part>7<"))
    try:
        [line] = validate_pdf_a([valid, broken])
    except VeraPdfMissingError as missing:
        if is_required():
            raise
        pytest.skip(str(missing))
    assert "broken.pdf" in line
    assert "6.6.4" in line
