"""The parts of XLSX: cells that are hard to keep, names of sheets, the archive past 4 GiB."""

from __future__ import annotations

import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape

from resma.errors import FormatCannotHold
from resma.header import Chart, Column, Series
from resma.writers.deflate import DeflateState, ThreadedDeflate, finish
from resma.writers.xlsx.archive import Archive, ArchiveState
from resma.writers.xlsx.cells import ColumnCells
from resma.writers.xlsx.chart_data import make_panels
from resma.writers.xlsx.sheet import column_letters
from resma.writers.xlsx.workbook import name_sheets
from tests.unit.xlsx_samples import cells_of, make_header, make_rows, read, write

TEXTS = (
    "=1+1", "+1", "-1", "@SUM(A1)", "00123", "123456789012345678", "1,5", "TRUE", "2024-01-01", "#N/A", "<&>\"'", "]]>",
    "&amp;", "a\nb", "a\tb", "é\u00a0", "😀", "日本", " before", "after ", " ", "\n", "x" * 32_767, "😀" * 16_383,
    "uff\uff21", "\ud7ff\ue000",
)  # fmt: skip
ESCAPED = (
    "a\rb",
    "\r\n",
    "\x01",
    "\x1f",
    "_x000D_",
    "a_x0041_b",
    "_x_x0041_",
    "_x005F_",
    "\ufffe",
    "\uffff",
    "_x005f_",
)


def test_texts_stay_as_they_are() -> None:
    assert cells_of("text", *TEXTS) == list(TEXTS)
    for text in TEXTS:
        # Alone: each decides for itself how it is written, whatever its neighbours are.
        assert cells_of("json", text) == [text]


def test_what_xml_cannot_hold_is_escaped_as_the_standard_says() -> None:
    assert [unescape(cell) for cell in cells_of("text", *ESCAPED)] == list(ESCAPED)
    assert cells_of("text", "_x00", "a_xyz_", "_X0041_") == ["_x00", "a_xyz_", "_X0041_"]


@pytest.mark.parametrize("text", [" b", "b ", " ", "\n", "\x01", "_x0041_", "\ufffe", "\uffff"])
def test_one_odd_text_is_found_among_plain_ones(text: str) -> None:
    column = ColumnCells(Column("c", "C"), 0)
    for cells in ([text, "a", "c"], ["a", text, "c"], ["a", "c", text], [text]):
        whole, encoded = column.encode([cell.encode() for cell in cells])
        assert whole
        assert b'<t xml:space="preserve">' in encoded[cells.index(text)]
        others = [cell for cell in encoded if b"preserve" not in cell]
        assert others == [b'<c t="str"><v>%b</v></c>' % cell.encode() for cell in cells if cell != text]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40), min_size=1))
def test_any_text_comes_back(texts: list[str | None]) -> None:
    read_back = cells_of("text", *texts)
    # openpyxl gives None for empty text too.
    assert [cell and unescape(cell) for cell in read_back] == [text or None for text in texts]


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["text", "integer", "amount", "date", "timestamp", "json"]),
    st.lists(
        st.none()
        | st.sampled_from(
            [
                *TEXTS[:18],
                *ESCAPED,
                "1",
                "-2.50",
                "1.",
                ".5",
                "-.5",
                ".",
                "-",
                "1-2",
                "2024-01-01",
                "2024-01-01 00:00:01+00",
                "NaN",
                "",
            ]
        ),
        min_size=1,
        max_size=6,
    ),
)
def test_a_cell_is_written_without_regard_to_its_neighbours(kind: Any, texts: list[str | None]) -> None:
    column = ColumnCells(Column("c", "C", kind), 3)

    def xml(cells: list[bytes | None]) -> list[bytes]:
        whole, encoded = column.encode(cells)
        return [cell if whole else column.open + cell + column.close for cell in encoded]

    cells = [None if text is None else text.encode() for text in texts]
    assert xml(cells) == [xml([cell])[0] for cell in cells]


def test_null_is_an_empty_cell() -> None:
    for kind in ("text", "integer", "amount", "date", "timestamp", "json"):
        assert cells_of(kind, None, None) == [None, None]
    assert cells_of("text", "a & b", None, "c") == ["a & b", None, "c"]
    assert cells_of("amount", "1.5", None, "2") == [1.5, None, 2]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("0", 0),
        ("-0.50", -0.5),
        ("123456789012345", 123456789012345),
        ("-999999999999.999", -999999999999.999),
        ("0.000000123456789012345", 0.000000123456789012345),
        ("12345678901234500000", 12345678901234500000),
        ("1000000000000000.00", 1000000000000000),
        ("1e+20", 1e20),
        ("1234567890123456", "1234567890123456"),
        ("-0.1234567890123456", "-0.1234567890123456"),
        ("9" * 250, "9" * 250),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("-Infinity", "-Infinity"),
        ("1-2", "1-2"),
        ("1.2.3", "1.2.3"),
        ("", None),
        ("1_000", "1_000"),
        ("12 EUR", "12 EUR"),
    ],
)
def test_numbers_keep_every_digit(text: str, cell: object) -> None:
    (alone,) = cells_of("amount", text)
    _, among, _ = cells_of("amount", "1", text, "2.5")
    assert alone == among == cell
    assert isinstance(alone, str) is isinstance(cell, str)


@pytest.mark.parametrize(
    "text",
    ["1900-02-28", "0001-01-01", "0044-03-15 BC", "infinity", "-infinity", "12024-01-01", "2024-02-30", "soon"],
)
def test_days_that_excel_does_not_know_stay_text(text: str) -> None:
    assert cells_of("date", text, "2024-02-29") == [text, datetime(2024, 2, 29)]  # noqa: DTZ001


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("1900-03-01 00:00:00+00", "1900-03-01T00:00:00"),
        ("2024-01-01 12:00:00+05:30", "2024-01-01T12:00:00"),
        ("2024-01-01 00:00:00.123456-03", "2024-01-01T00:00:00.123000"),  # openpyxl rounds to milliseconds
        ("1969-01-01 00:00:01-00:44:30", "1969-01-01T00:00:01"),
        ("9999-12-31 23:59:59+00", "9999-12-31T23:59:59"),
        ("2024-01-01 10:00:00", "2024-01-01T10:00:00"),
        ("1900-02-28 23:59:59+00", "1900-02-28 23:59:59+00"),
        ("0044-03-15 10:00:00+00 BC", "0044-03-15 10:00:00+00 BC"),
        ("10000-01-01 00:00:00+00", "10000-01-01 00:00:00+00"),
        ("infinity", "infinity"),
        ("-infinity", "-infinity"),
    ],
)
def test_moments_are_local_time_or_text(text: str, cell: str) -> None:
    (alone,) = cells_of("timestamp", text)
    among, _ = cells_of("timestamp", text, "2024-01-01 00:00:00+00")
    assert alone == among == (cell if cell == text else datetime.fromisoformat(cell))


def test_every_second_of_a_day() -> None:
    midnight = datetime(2025, 6, 1, tzinfo=UTC)
    moments = [midnight + timedelta(seconds=second) for second in range(0, 86_400, 7)]
    read_back = cells_of("timestamp", *(f"{moment:%Y-%m-%d %H:%M:%S}+00" for moment in moments))
    assert read_back == [moment.replace(tzinfo=None) for moment in moments]


def test_a_text_longer_than_a_cell_ends_the_report() -> None:
    with pytest.raises(FormatCannotHold, match="column c holds a text of 32,768 characters"):
        cells_of("text", "short", "x" * 32_768)
    with pytest.raises(FormatCannotHold):
        cells_of("json", "😀" * 16_384)
    assert cells_of("text", "é" * 32_767) == ["é" * 32_767]


def test_names_of_sheets() -> None:
    assert name_sheets(["Summary", "Summary", "SUMMARY"]) == ["Summary", "Summary (2)", "SUMMARY (3)"]
    assert name_sheets(["a/b\\c:d*e?f[g]", "", "'quoted'", "History"]) == [
        "a b c d e f g",
        "-",
        "quoted",
        "History (2)",
    ]
    long = name_sheets(["x" * 40, "x" * 40, "😀" * 20])
    assert long == ["x" * 31, "x" * 27 + " (2)", "😀" * 15]
    assert all(len(name.encode("utf-16-le")) // 2 <= 31 for name in long)


def test_names_with_an_apostrophe_are_quoted_in_references() -> None:
    data = write(make_header(1, title="Ann's & Bob's [all]"), make_rows(1))
    book = read(data)
    assert book.sheetnames[1] == "Ann's & Bob's all"
    assert b"'Ann''s &amp; Bob''s all'!$1:$1<" in zipfile.ZipFile(BytesIO(data)).read("xl/workbook.xml")


def test_letters_of_columns() -> None:
    assert [column_letters(at) for at in (0, 25, 26, 701, 702, 16_383)] == ["A", "Z", "AA", "ZZ", "AAA", "XFD"]


def test_categories_beyond_the_most_are_added_up() -> None:
    labels = tuple(f"c{at}" for at in range(40))
    values = tuple(map(Decimal, range(40)))
    chart = Chart("Parts", "share", "rows", labels, (Series("Parts", values),))
    (panel,) = make_panels(make_header(0, charts=(chart,)))
    assert panel.labels == ("c39", "c38", "c37", "c36", "c35", "c34", "Outros (34)")
    assert sum(panel.values) == sum(values)


def test_what_is_below_zero_is_no_part_of_a_whole() -> None:
    chart = Chart("Net", "share", "amount", ("a", "b"), (Series("BRL", (Decimal(-3), Decimal(5))),))
    book = read(write(make_header(0, charts=(chart,)), []))
    (drawn,) = book.worksheets[0]._charts
    assert (type(drawn).__name__, drawn.barDir) == ("BarChart", "bar")
    assert [point.v for point in drawn.series[0].cat.strRef.strCache.pt] == ["b", "a"]


def test_figures_too_long_for_excel_are_drawn_rounded() -> None:
    values = (Decimal("12345678901234567.89"), Decimal("NaN"))
    chart = Chart("Net", "bars", "amount", ("a", "b"), (Series("BRL", values),))
    sheet = read(write(make_header(0, charts=(chart,)), [])).worksheets[-1]
    assert [sheet["B3"].value, sheet["B4"].value] == [12345678901234600, 0]


def test_months_that_excel_does_not_know_are_names() -> None:
    chart = Chart("Old", "time", "rows", ("1899-12", "1900-01"), (Series("Old", (Decimal(1), Decimal(2))),))
    (panel,) = make_panels(make_header(0, charts=(chart,)))
    assert (panel.months, panel.labels) == (False, ("1899-12", "1900-01"))


def test_threads_give_the_same_stream_as_none() -> None:
    data = Random(1).randbytes(700_000) + b"0123456789" * 90_000
    streams = []
    for piece in (999, 70_001, len(data)):
        state, saved = DeflateState(), b""
        with ThreadPoolExecutor(2) as pool:
            stream, out = ThreadedDeflate(state, pool), b""
            stream.BLOCK_BYTES = 50_000
            for at in range(0, len(data), piece):
                out += stream.add(data[at : at + piece])
            stream.settle()
            saved = bytes(state.ready)
            out += stream.finish()
        assert saved in out
        assert (state.bytes_in, state.bytes_out, state.crc32) == (len(data), len(out), zlib.crc32(data))
        streams.append(out)
    assert streams[0] == streams[1] == streams[2]
    assert zlib.decompress(streams[0], -15) == data


def test_archive_past_4_gib_says_so_in_its_directory_alone() -> None:
    far = 5 * 2**30
    state = ArchiveState(offset=far)
    archive = Archive(state, datetime(2026, 1, 1, tzinfo=UTC))
    stream = DeflateState()
    data = archive.open("streamed") + archive.count(finish(stream)) + archive.close(stream)
    data += archive.store("stored", b"text") + archive.end()

    class Sparse(BytesIO):
        """As if `far` bytes came before."""

        def seek(self, offset: int, whence: int = 0) -> int:
            return super().seek(offset - far if whence == 0 else offset, whence) + far

        def tell(self) -> int:
            return super().tell() + far

    with zipfile.ZipFile(Sparse(data)) as opened:
        assert opened.testzip() is None
        assert opened.read("stored") == b"text"
        assert [(info.header_offset >= far, info.extract_version) for info in opened.infolist()] == [(True, 45)] * 2
    assert state.offset == far + len(data)
    assert data[-6:-2] == b"\xff" * 4
