"""Parts of the PDF writer: page tree, cross-references, encodings, and memory."""

from __future__ import annotations

import random
import tracemalloc
from dataclasses import replace
from io import BytesIO
from itertools import count

import pytest
from pypdf import PdfReader

from resma.i18n.locales import LOCALES
from resma.report.header import ReportHeader
from resma.writers.pdf.fonts.own_faces import bold, regular
from resma.writers.pdf.syntax import objects, page_tree
from resma.writers.pdf.table.timestamps import TimestampCells
from resma.writers.pdf.text.cp1252 import MARK, encode, find_cells, metrics, single, visible
from resma.writers.saved_state import dump_state, load_state
from tests.support.pdf_samples import COLUMNS, Row, batch, header, make, pdf, periods, plain
from tests.support.random_search import make_random, random_search


@pytest.mark.parametrize("pages", [1, 2, 63, 64, 65, 128, 4095, 4096, 4097, 10_000])
def test_page_tree_has_every_page_once_and_in_order(pages: int) -> None:
    state = page_tree.TreeState()
    numbers = count(10)
    nodes: dict[int, bytes] = {}
    order = []
    for _ in range(pages):
        parent = page_tree.parent_of_next(state, lambda: next(numbers))
        page = next(numbers)
        order.append((page, parent))
        nodes.update(page_tree.add_page(state, page, lambda: next(numbers)))
        assert len(state.levels) <= 3
    left, top = page_tree.close(state, 2, lambda: next(numbers))
    nodes.update(left)
    assert f"/Parent 2 0 R/Count {pages}/".encode() in nodes[top]
    parents = dict(order)

    def leaves(number: int) -> list[int]:
        if number not in nodes:
            return [number]
        kids = nodes[number].partition(b"/Kids[")[2].partition(b"]")[0].replace(b" 0 R", b"").split()
        found = [leaf for kid in kids for leaf in leaves(int(kid))]
        assert b"/Count %d/" % len(found) in nodes[number]
        assert 1 <= len(kids) <= 64
        for kid in map(int, kids):
            assert parents[kid] == number if kid in parents else b"/Parent %d 0 R" % number in nodes[kid]
        return found

    assert leaves(top) == [page for page, _ in order]


def test_cross_references_in_many_sections(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long file has several sections, so that the number of offsets in memory is limited."""
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


@pytest.mark.slow
@pytest.mark.parametrize("wrap", [False, True])
def test_memory_does_not_grow_with_rows(wrap: bool) -> None:
    def peak(rows: int) -> int:
        some = batch(plain(5000))
        writer = make(wrapping(header(rows)) if wrap else header(rows))
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
    assert peak(100_000) < peak(15_000) * 1.2 + 200_000


def wrapping(head: ReportHeader) -> ReportHeader:
    columns = tuple(replace(column, wrap=column.name == "memo", width=1.2) for column in COLUMNS)
    return replace(head, columns=columns)


def mixed(count_: int) -> list[Row]:
    """Returns ordinary rows, and among them long rows and rows in other scripts."""
    rng = random.Random(3)
    rows = plain(count_)
    for at in rng.sample(range(count_), count_ // 7):
        first, when, _, other, amount = rows[at]
        memo = rng.choice(("Ελληνική Τράπεζα", "Сбербанк России " * 9, "中文字符", "long words in a row " * 20, "a\nb"))
        rows[at] = (first, when, memo, rng.choice((other, "Łódź")), amount)
    return rows


@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize("subtotals", [False, True])
def test_another_process_can_resume(wrap: bool, subtotals: bool) -> None:
    rows = mixed(2500)
    head = header(len(rows), periods=periods(rows), subtotals=subtotals)
    head = wrapping(head) if wrap else head
    whole = pdf(head, rows)
    for stops in ((0,), (1,), (777, 778), (1000, 2000), (2499,), (2500,)):
        writer = make(head)
        parts = [writer.begin()]
        at = 0
        for stop in stops:
            parts.append(writer.add(batch(rows[at:stop])))
            at = stop
            saved = dump_state(writer.state)
            writer = make(head)
            writer.state = load_state(saved, writer.state)
        parts += [writer.add(batch(rows[at:])), writer.end()]
        assert b"".join(parts) == whole


def test_state_is_plain_and_small() -> None:
    """Another process must be able to resume from it: plain values, and less than twenty pages of rows."""
    writer = make(header(5000))
    writer.begin()
    writer.add(batch(plain(3333)))
    assert writer.state.rows == 3333
    assert writer.state.pages == 60
    assert len(writer.state.pending) == 333
    assert len(dump_state(writer.state)) < 60_000


@pytest.mark.parametrize("face", [regular(), bold()])
def test_digits_have_one_width(face: object) -> None:
    assert len({face.width_of(ord(digit)) for digit in "0123456789"}) == 1  # type: ignore[attr-defined]


def encoded(*texts: str) -> list[bytes]:
    """Returns cells as a column encodes them."""
    blob = "\0".join(texts).encode()
    return encode(blob, metrics("R").special(metrics("R").look(blob))).split(b"\0")


def test_strings_in_windows_1252() -> None:
    texts = ("abc äöü €…", "plain", "“quoted”", "", "a (b) \\ c", "¡€–x")
    assert encoded(*texts) == [text.encode("cp1252") for text in texts]
    assert encoded("a\nb\r\nc\td", "x\u2028y\x85z") == ["a¶b¶c d".encode("cp1252"), "x¶y¶z".encode("cp1252")]
    assert visible("a\nb\r\nc\td") == "a¶b¶c d"
    assert single("abc äöü €…") == "abc äöü €…".encode("cp1252")


@pytest.mark.parametrize("text", ["Ж", "\x02", "\x80", "\x9f", "\x7f", "\x1a", "\U0001f600", "€Ж", "é中"])
def test_strings_beyond_windows_1252_are_marked(text: str) -> None:
    one, other, last = encoded("é", f"x{text}", "y")
    assert (one, last) == (b"\xe9", b"y")
    assert MARK in other
    assert single(f"x{text}") is None


@random_search
def test_marked_cells_are_found() -> None:
    for seed in range(50):
        rng = make_random(seed)
        cells = [rng.choice((b"", b"a", b"ab", MARK, b"a" + MARK + b"b" + MARK)) for _ in range(rng.randrange(1, 30))]
        expected = [at for at, cell in enumerate(cells) if MARK in cell]
        assert list(find_cells(b"\0".join(cells), MARK)) == expected


@random_search
def test_strings_are_cut_to_the_exact_width() -> None:
    face = metrics("R")
    rng = make_random(9)
    for _ in range(500):
        text = "".join(rng.choices("iW mé€.@", k=rng.randrange(60))).encode("cp1252")
        limit = rng.randrange(100, 4000)
        cut = face.cut(text, limit)
        assert face.measure(cut) <= limit or cut == b"\x85"
        if face.measure(text) <= limit:
            assert cut == text
        else:
            assert cut.endswith(b"\x85")
            assert text.startswith(cut[:-1])


@random_search
def test_suspects_include_all_cells_that_are_too_wide() -> None:
    face = metrics("R")
    rng = make_random(4)
    for _ in range(500):
        texts = ["".join(rng.choices("iWm lo.@é€1", k=rng.randrange(40))) for _ in range(rng.randrange(1, 60))]
        limit = rng.randrange(500, 5000)
        cells = [text.encode() for text in texts]
        suspects = set(face.suspects(cells, face.look(b"\0".join(cells)), limit))
        wide = {at for at, text in enumerate(texts) if face.measure(text.encode("cp1252")) > limit}
        assert wide <= suspects
        assert all(face.measure_utf_8(cells[at]) > limit for at in wide)


@pytest.mark.parametrize(
    ("tag", "cell", "shown"),
    [
        ("en-US", "2024-03-09", "03/09/2024"),
        ("pt-BR", "2024-03-09 01:02:03.4567-03", "09/03/2024 01:02:03.4567"),
        ("de-DE", "2024-03-09 01:02:03+05:30", "09.03.2024 01:02:03"),
        ("de-DE", "1890-03-09 01:02:03+00:53:28", "09.03.1890 01:02:03"),
        ("de-DE", "infinity", "infinity"),
        ("de-DE", "-infinity", "-infinity"),
        ("de-DE", "0044-03-15 12:00:00+00 BC", "0044-03-15 12:00:00+00 BC"),
        ("de-DE", "12024-01-01", "12024-01-01"),
        ("de-DE", "", ""),
    ],
)
def test_timestamps_are_in_the_locales_format(tag: str, cell: str, shown: str) -> None:
    timestamps = TimestampCells(LOCALES[tag])
    assert timestamps.one(cell.encode()) == shown.encode()
    assert timestamps.each([cell.encode()] * 3) == [shown.encode()] * 3
    assert timestamps.each([b"", b"2024-12-31", cell.encode()])[2] == shown.encode()
    blank = timestamps.each([b"", cell.encode(), b"", cell.encode()])
    assert blank == [b"", shown.encode(), b"", shown.encode()]


def test_the_header_is_not_modified() -> None:
    head = header(0)
    pdf(head, [])
    assert head == header(0)
    assert isinstance(head, ReportHeader)
