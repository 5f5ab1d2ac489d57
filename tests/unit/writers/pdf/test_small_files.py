"""PDFs of a few pages: their fonts have only the characters that they show, and nothing is in a file without need."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from fontTools.ttLib import TTFont
from pypdf import PdfReader

from resma.report.header import ReportHeader
from resma.writers.pdf.fonts.latin_subset import latin_subset
from resma.writers.pdf.fonts.own_faces import CODE_POINTS, FONTS
from resma.writers.pdf.text.used_codes import ALL_CODES, MAX_PAGES, completed, no_codes, record_codes
from tests.support.pdf_readers import read_pages, require_valid_pdf
from tests.support.pdf_samples import Row, header, pdf, plain
from tests.support.poppler import read_by_poppler

_NOT_SHOWN = {0x7F, 0xA0, 0xAD, 0x202F, 0xFFFD}
"""Controls, spaces and the soft hyphen, which readers change, and codes that are not used."""

LATIN = "".join(chr(point) for code, point in enumerate(CODE_POINTS) if code > 32 and point not in _NOT_SHOWN)
FACES = {"R": "Roboto-Regular.ttf", "B": "Roboto-Bold.ttf"}


def statement(number: int = 1) -> tuple[ReportHeader, list[Row]]:
    rows = plain(20)
    return header(len(rows), filters=(("Account", f"PT50 {number:06}"),), orientation="portrait"), rows


def fonts_of(data: bytes) -> dict[str, Any]:
    return dict(PdfReader(BytesIO(data), strict=True).pages[0]["/Resources"]["/Font"].items())  # type: ignore[index]


def program_of(font: Any) -> TTFont:
    program = font["/FontDescriptor"]["/FontFile2"]
    assert len(program.get_data()) == program["/Length1"]
    return TTFont(BytesIO(program.get_data()), checkChecksums=2, lazy=False)


def codes_with_a_glyph(font: Any) -> set[int]:
    [table] = program_of(font)["cmap"].tables
    assert (table.platformID, table.platEncID) == (1, 0)
    return {code for code, name in table.cmap.items() if name != ".notdef"}


def outline(font: TTFont, name: str) -> tuple[list[tuple[int, int]], list[int]]:
    glyph = font["glyf"][name]
    if not glyph.numberOfContours:
        return [], []
    coordinates, ends, _ = glyph.getCoordinates(font["glyf"])
    return list(coordinates), list(ends)


def test_a_statement_of_one_page_is_small() -> None:
    data = pdf(*statement(), cover=False)
    require_valid_pdf(data)
    assert len(read_pages(data)) == 1
    assert len(data) < 17_000


def test_only_forms_that_are_shown_are_written() -> None:
    assert pdf(*statement(), cover=False).count(b"/Subtype/Form") == 1
    assert pdf(header(300), plain(300), cover=False, contents=False).count(b"/Subtype/Form") == 3


def test_fonts_have_the_characters_of_the_file() -> None:
    head, rows = statement()
    head, rows = replace(head, title="Zwölf", organization="(Ü)"), [("1", None, "žQ \\ (q)", "", "1.00"), *rows[1:]]
    fonts = fonts_of(pdf(head, rows, cover=False))
    regular, bold = codes_with_a_glyph(fonts["/R1"]), codes_with_a_glyph(fonts["/B1"])
    assert set("žQ\\(q)Ü".encode("cp1252")) <= regular
    assert set("Zwölf".encode("cp1252")) <= bold
    assert not bold & set("žÜ".encode("cp1252"))
    assert not regular & set("ßÿ".encode("cp1252"))


@pytest.mark.parametrize("letter", FACES)
@pytest.mark.parametrize("step", [1, 7])
def test_glyphs_are_those_of_the_typeface(letter: str, step: int) -> None:
    codes = [code for code in ALL_CODES[::step] if CODE_POINTS[code] != 0xFFFD]
    subset = TTFont(BytesIO(latin_subset(letter).program(codes)), checkChecksums=2)
    whole = TTFont(FONTS / FACES[letter])
    names = whole.getBestCmap()
    shown = subset["cmap"].tables[0].cmap
    for code in codes:
        point = 0x200B if code == 0xAD else CODE_POINTS[code]
        original = names.get(point, ".notdef")
        glyph = shown.get(code, ".notdef")
        assert outline(subset, glyph) == outline(whole, original)
        assert subset["hmtx"][glyph][0] == whole["hmtx"][original][0]


@pytest.mark.parametrize("letter", FACES)
def test_widths_are_those_of_the_glyphs(letter: str) -> None:
    font = fonts_of(pdf(*statement(), cover=False))[f"/{letter}1"]
    program = program_of(font)
    shown = program["cmap"].tables[0].cmap
    for code, name in shown.items():
        assert font["/Widths"][code - font["/FirstChar"]] == round(program["hmtx"][name][0] * 1000 / 2048)


def test_all_characters_are_read_back() -> None:
    texts = [LATIN[at : at + 8] for at in range(0, len(LATIN), 8)]
    rows: Sequence[Row] = [("1", None, text, "x", "1.00") for text in texts]
    data = pdf(header(len(rows), totals=()), rows, cover=False)
    [by_poppler] = read_by_poppler(data)
    [page] = read_pages(data)
    for text in texts:
        assert text in page.text
        assert text in by_poppler


@pytest.mark.parametrize("pages", [MAX_PAGES, MAX_PAGES + 1])
def test_longer_files_have_all_characters(pages: int) -> None:
    rows = plain(50 * pages)
    reader = PdfReader(BytesIO(pdf(header(len(rows)), rows, contents=False)), strict=True)
    assert len(reader.pages) == pages + 1
    codes = codes_with_a_glyph(reader.pages[-1]["/Resources"]["/Font"]["/R1"])  # type: ignore[index]
    every = {code for code in ALL_CODES if CODE_POINTS[code] not in {0x7F, 0xFFFD}}
    assert (codes == every) == (pages > MAX_PAGES)


def test_files_do_not_depend_on_earlier_files_of_the_process() -> None:
    """Caches are filled here by other files, and empty in a new process."""
    script = (
        "import hashlib\n"
        "from tests.support.pdf_samples import pdf\n"
        "from tests.unit.writers.pdf.test_small_files import statement\n"
        "print(hashlib.sha256(pdf(*statement(3), cover=False)).hexdigest())\n"
    )
    for number in range(5):
        pdf(*statement(number), cover=False)
    here = hashlib.sha256(pdf(*statement(3), cover=False)).hexdigest()
    child = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert child.stdout.strip() == here


def test_codes_are_recorded_by_font() -> None:
    codes = no_codes()
    record_codes(codes, rb"BT /R1 7 Tf (a\)b)Tj ET BT /R2 7 Tf (xyz)Tj ET BT /B1 7 Tf (c1)' [(d)-5(e)]TJ ET")
    record_codes(codes, b"BT /R1 7 Tf 1 0 0 1 20 5 Tm\n(\xe9)'()' ET")
    assert codes == {"R": b")\\ab\xe9", "B": b"1cde"}


def test_subsets_have_all_digits_or_none() -> None:
    """Files of a split report then share the subsets of the bold face."""
    assert completed(b" AZ") == b" AZ"
    assert completed(b"7a") == b"0123456789a"
