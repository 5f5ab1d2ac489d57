"""What the PDF is made of: page tree, cross-references, encodings, and memory."""

from __future__ import annotations

import random
import tracemalloc
from io import BytesIO

import pytest
from fontTools.ttLib import TTFont
from pypdf import PdfReader

from resma.header import ReportHeader
from resma.writers.pdf import PdfWriter, objects
from resma.writers.pdf.encodings import ASTRAL_CODES, TwoByte, single_byte
from resma.writers.pdf.face import bold, regular
from resma.writers.pdf.fonts import _subset_glyphs
from resma.writers.pdf.joining import encoded_pages, joined_pages
from resma.writers.pdf.tree import PageTree
from tests.unit.pdf_samples import batch, header, pdf, plain


@pytest.mark.parametrize("pages", [1, 2, 63, 64, 65, 128, 4095, 4096, 4097, 10_000])
def test_page_tree_holds_every_page_once_and_in_order(pages: int) -> None:
    tree = PageTree(10, pages, 2)
    nodes: dict[int, bytes] = {}
    order = []
    for page in range(pages):
        order += [tree.page_number(page), tree.page_number(page) + 1]
        for number, body in tree.nodes_after(page):
            nodes[number] = body
            order.append(number)
    assert order == list(range(10, 10 + len(order)))  # numbers in the order of writing, none left out

    def leaves(number: int) -> list[int]:
        if number not in nodes:
            return [number]
        kids = nodes[number].partition(b"/Kids[")[2].partition(b"]")[0].replace(b" 0 R", b"").split()
        found = [leaf for kid in kids for leaf in leaves(int(kid))]
        assert b"/Count %d/" % len(found) in nodes[number]
        assert len(kids) <= 64
        return found

    assert leaves(tree.top) == [tree.page_number(page) for page in range(pages)]


def test_cross_references_in_many_sections(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long file has a section now and then, so that offsets need not be kept."""
    rows = plain(2000)
    once = pdf(header(2000), rows)
    monkeypatch.setattr(objects, "SECTION_OBJECTS", 12)
    data = pdf(header(2000), rows, iter([130] * 99))
    assert data.count(b"startxref") > 4
    assert data.count(b"startxref") > once.count(b"startxref") == 1
    reader = PdfReader(BytesIO(data), strict=True)
    assert [page.extract_text() for page in reader.pages] == [
        page.extract_text() for page in PdfReader(BytesIO(once), strict=True).pages
    ]


def test_memory_does_not_grow_with_rows() -> None:
    def peak(rows: int) -> int:
        some = batch(plain(5000))
        writer = PdfWriter(header(rows))
        writer.begin()
        writer.add(some)
        tracemalloc.start()
        try:
            for _ in range(rows // 5000 - 1):
                writer.add(some)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10_000)
    assert peak(150_000) < peak(15_000) * 1.2 + 200_000


def test_state_is_plain() -> None:
    """A later process must be able to take it up: numbers, texts, lists, and less than a page of rows."""
    writer = PdfWriter(header(5000))
    writer.begin()
    writer.add(batch(plain(3333)))
    assert writer.state.rows == 3333
    assert writer.state.pages == 66
    assert [len(column) for column in writer.state.pending] == [33] * 5


@pytest.mark.parametrize("face", [regular(), bold()])
def test_digits_have_one_width(face: object) -> None:
    assert len({face.width_of(ord(digit)) for digit in "0123456789"}) == 1  # type: ignore[attr-defined]


def test_single_byte_texts() -> None:
    assert single_byte("abc äöü €…") == "abc äöü €…".encode("cp1252")
    assert single_byte("a\nb\r\nc\td") == "a¶b¶c d".encode("cp1252")
    for text in ("Ж", "\x01", "\x80", "\x9f", "\x7f", "\x1a", "\U0001f600"):
        assert single_byte(f"x{text}") is None


def test_separators_that_are_text() -> None:
    texts = ["a"] * 49 + ["b\1"] + ["c"] * 10
    assert encoded_pages(joined_pages(texts), 2) is None
    one, two = [b"a"] * 50, [b"c"] * 10
    plain_texts = [text.decode() for text in one + two]
    assert encoded_pages(joined_pages(plain_texts), 2) == b"\0".join(one) + b"\0\1" + b"\0".join(two)


def test_two_byte_texts_are_utf_16_with_escapes() -> None:
    rows: list[int] = []
    astral: list[int] = []
    text = TwoByte(rows, astral)
    assert text.encode(["Ж("]) == b"\x04\x16\x00\\("
    assert text.encode(["\u280a\u0d5c"]) == b"\\(\\n\\r\\\\"
    assert text.encode(["a\r\nb", "", "c"], b"|") == b"\x00a\x00\xb6\x00b||\x00c"
    assert sorted(rows) == [0x00, 0x04, 0x0D, 0x28]
    assert text.encode(["\U0001f600\U0001f601\U0001f600"]) == b"\xd8\x00\xd8\x01\xd8\x00"
    assert astral == [0x1F600, 0x1F601]


def test_no_text_looks_like_a_separator() -> None:
    text = TwoByte([], [])
    for around in ("A", "Ā", "\u4100", "\u4100A", "AĀ\u4100", "\x01\u0100A", "\U0001f600" * 3):
        assert text.encode([around, around], b"|").count(b"|") == 1


def test_more_characters_beyond_the_plane_than_codes() -> None:
    astral: list[int] = []
    text = TwoByte([], astral)
    for point in range(0x10000, 0x10000 + len(ASTRAL_CODES)):
        text.encode([chr(point)])
    assert text.encode([chr(0x50000)]) == text.encode(["\ufffd"])
    assert len(astral) == len(ASTRAL_CODES)


def test_glyphs_of_a_subset_are_where_we_say() -> None:
    points = [*range(0x400, 0x450), 0x4E2D, 0x1F600, 0x41, 0xC5, 0x1E9E]
    font = TTFont(BytesIO(regular().ttf.makeSubset(points)))
    table = font["cmap"].tables[0].cmap
    assert [font.getGlyphID(table[i]) if i in table else 0 for i in range(len(points))] == _subset_glyphs(
        regular(), points
    )


def test_texts_are_cut_to_the_very_width() -> None:
    face = regular()
    rng = random.Random(9)
    for _ in range(500):
        text = "".join(rng.choices("iW mЖ€文é.", k=rng.randrange(60)))
        limit = rng.randrange(100, 4000)
        cut = face.cut(text, limit)
        assert face.measure(cut) <= limit or cut == "…"
        if face.measure(text) <= limit:
            assert cut == text
        else:
            assert cut.endswith("…")
            assert text.startswith(cut[:-1])


def test_header_is_not_changed() -> None:
    head = header(0)
    pdf(head, [])
    assert head == header(0)
    assert isinstance(head, ReportHeader)
