"""Parts of XLSX files: cells that are hard to preserve, sheet names, archives over 4 GiB."""

from __future__ import annotations

import re
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from io import BytesIO
from random import Random
from typing import Any, Literal, cast
from xml.sax.saxutils import unescape as unescape_xml

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape

from resma.errors import FormatLimitError
from resma.report.header import Chart, Column, Series, Total
from resma.report.rows import Batch, Row
from resma.writers import make_writer
from resma.writers.compression.deflate import DeflateState, ThreadedDeflate, finish
from resma.writers.saved_state import dump_state, load_state
from resma.writers.xlsx.front.chart_data import Panel, make_panels
from resma.writers.xlsx.front.plots import plot_bars
from resma.writers.xlsx.sheets.cells import ColumnCells
from resma.writers.xlsx.sheets.workbook import name_sheets
from resma.writers.xlsx.syntax.archive import Archive, ArchiveState
from resma.writers.xlsx.syntax.xml import column_letters
from tests.support.xlsx_samples import cells_of, make_header, make_rows, read, write

STRINGS = (
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


def test_strings_are_unchanged() -> None:
    assert cells_of("text", *STRINGS) == list(STRINGS)
    for text in STRINGS:
        # The encoding of a cell does not depend on its neighbors.
        assert cells_of("json", text) == [text]


def test_characters_that_xml_does_not_allow_are_escaped_according_to_the_standard() -> None:
    assert [unescape(cell) for cell in cells_of("text", *ESCAPED)] == list(ESCAPED)
    assert cells_of("text", "_x00", "a_xyz_", "_X0041_") == ["_x00", "a_xyz_", "_X0041_"]


@pytest.mark.parametrize("text", [" b", "b ", " ", "\n", "\x01", "_x0041_", "\ufffe", "\uffff"])
def test_a_string_that_needs_an_inline_string_is_found_among_plain_ones(text: str) -> None:
    column = ColumnCells(Column("c", "C"), 0, "A")
    for cells in ([text, "a", "c"], ["a", text, "c"], ["a", "c", text], [text]):
        whole, encoded = column.encode([cell.encode() for cell in cells], 1)
        assert whole
        assert b'<t xml:space="preserve">' in encoded[cells.index(text)]
        others = [cell for cell in encoded if b"preserve" not in cell]
        assert others == [b'<c t="str" r="A\0"><v>%b</v></c>' % cell.encode() for cell in cells if cell != text]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40), min_size=1))
def test_any_string_survives_a_round_trip(texts: list[str | None]) -> None:
    read_back = cells_of("text", *texts)
    # openpyxl returns None for some empty strings too.
    assert [unescape(cell) if cell else None for cell in read_back] == [text or None for text in texts]


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["text", "integer", "amount", "date", "timestamp", "json"]),
    st.lists(
        st.none()
        | st.sampled_from(
            [
                *STRINGS[:18],
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
def test_the_encoding_of_a_cell_does_not_depend_on_its_neighbors(kind: Any, texts: list[str | None]) -> None:
    column = ColumnCells(Column("c", "C", kind), 3, "C")

    def xml(cells: list[bytes | None]) -> list[bytes]:
        whole, encoded = column.encode(cells, 1)
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
        ("1234567890123456", 1234567890123456),
        ("-9007199254740993", "-9007199254740993"),
        ("45035996273704.96", 45035996273704.96),
        ("99999999999999.99", "99999999999999.99"),
        ("-0.1234567890123456", -0.1234567890123456),
        ("0.12345678901234567890", "0.12345678901234567890"),
        ("12345678901234567.89", "12345678901234567.89"),
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
def test_numbers_keep_all_digits(text: str, cell: object) -> None:
    scale = len(text.partition(".")[2])
    (alone,) = cells_of("amount", text, scale=scale)
    _, among, _ = cells_of("amount", "1", text, "2.5", scale=max(scale, 1))
    assert alone == among == cell
    assert isinstance(alone, str) is isinstance(cell, str)


def test_numbers_stored_as_text_are_counted_and_keep_excels_marker() -> None:
    columns = (Column("a", "A"), Column("b", "B", "amount", scale=2), Column("c", "C", "integer"), Column("d", "D"))
    rows: list[Row] = [
        (b"1", b"1.00", b"1", b"1"),
        (b"1", None, b"9" * 20, b"1"),
        (b"1", b"9" * 16 + b".99", b"5", b"1"),
    ]
    rows += rows
    header = make_header(6, columns=columns, charts=())
    files = []
    for batch in (1, 4, 6):
        writer = cast("Any", make_writer("XLSX", header))
        out = [writer.begin()]
        for at in range(0, 6, batch):
            saved = dump_state(writer.state)
            writer = cast("Any", make_writer("XLSX", header))
            writer.state = load_state(saved, writer.state)
            out.append(writer.add(Batch(rows[at : at + batch])))
        files.append(b"".join([*out, writer.end()]))
        warnings = [(each.code, each.column, each.row, each.rows) for each in writer.warnings()]
        assert warnings == [("amounts-as-text", "b", 3, 2), ("amounts-as-text", "c", 2, 2)]
    assert files[0] == files[1] == files[2]
    sheet = zipfile.ZipFile(BytesIO(files[0])).read("xl/worksheets/sheet2.xml").decode()
    assert '<ignoredError sqref="A1:A7 D1:D7" numberStoredAsText="1"/>' in sheet
    assert [cell.value for cell in read(files[0]).worksheets[1]["B"]][1:4] == [1, None, "9999999999999999.99"]


@pytest.mark.parametrize(
    "text",
    ["1900-02-28", "0001-01-01", "0044-03-15 BC", "infinity", "-infinity", "12024-01-01", "2024-02-30", "soon"],
)
def test_days_that_excel_does_not_support_are_text(text: str) -> None:
    assert cells_of("date", text, "2024-02-29") == [text, datetime(2024, 2, 29)]  # noqa: DTZ001


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("1900-03-01 00:00:00+00", "1900-03-01T00:00:00"),
        ("2024-01-01 12:00:00+05:30", "2024-01-01T12:00:00"),
        ("2024-01-01 00:00:00.123456-03", "2024-01-01T00:00:00"),
        ("1969-01-01 00:00:01-00:44:30", "1969-01-01T00:00:01"),
        ("9999-12-31 23:59:59+00", "9999-12-31T23:59:59"),
        ("9999-12-31 23:59:59.999999+00", "9999-12-31T23:59:59"),
        ("2024-01-31 23:59:59.999999+00", "2024-01-31T23:59:59"),
        ("2024-01-31 11:59:59.5+00", "2024-01-31T11:59:59"),
        ("2024-01-01 10:00:00", "2024-01-01T10:00:00"),
        ("1900-02-28 23:59:59+00", "1900-02-28 23:59:59+00"),
        ("0044-03-15 10:00:00+00 BC", "0044-03-15 10:00:00+00 BC"),
        ("10000-01-01 00:00:00+00", "10000-01-01 00:00:00+00"),
        ("infinity", "infinity"),
        ("-infinity", "-infinity"),
    ],
)
def test_timestamps_are_local_time_or_text(text: str, cell: str) -> None:
    (alone,) = cells_of("timestamp", text)
    among, _ = cells_of("timestamp", text, "2024-01-01 00:00:00+00")
    assert alone == among == (cell if cell == text else datetime.fromisoformat(cell))


@pytest.mark.parametrize(
    "timestamps",
    [
        ["2024-01-01 00:00:00+00", "2024-12-31 23:59:59+00"],
        ["2024-01-01 00:00:00.5-03", "2024-01-01 23:59:59.9-03"],
        ["2024-01-01 00:00:00", "2024-01-01 09:08:07"],
        ["2024-01-01 24:00:00+00", "2024-01-01 00:60:00+00", "2024-01-01 00:00:60+00"],
        ["2024-01-01T00:00:00+00", "2024-01-01 00.00:00+00", "2024-01-01 00:00.00+00"],
        ["0044-03-15 10:00:00 BC", "2024-03-15 10:00:00+01"],
        ["0044-03-15 10:00:00 BC", "0045-03-15 10:00:00 BC"],
        ["2024-01-01 aa:00:00+00", "2024-01-01 \u03b1:00:00+00"],
        ["2024-01-01 00:00", "2024-01-01 00:01"],
        ["2024-01-01 00:00:0", "2024-01-01 00:01:0"],
        ["2024-01-01 00:00:00+0", "2024-01-01 00:00:00+000"],
        ["2024-01-01", "2024-01-02"],
        ["", ""],
        ["infinity", "infinity"],
    ],
)
def test_timestamps_of_one_length_are_encoded_like_single_ones(timestamps: list[str]) -> None:
    """If all timestamps of a batch have the same length and ending, they are encoded at once."""
    assert cells_of("timestamp", *timestamps) == [cell for text in timestamps for cell in cells_of("timestamp", text)]
    column = ColumnCells(Column("a", "A", "timestamp"), 0, "B")
    cells = [text.encode() for text in timestamps]
    alone = [cell for text in cells for cell in column.encode_whole([text, b"2024-01-01 00:00:00.25+00:30"], 1)[:1]]
    assert list(column.encode_whole(cells, 1)) == alone


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("PT59.999999S", timedelta(seconds=59)),
        ("PT23H59M59.999999S", timedelta(days=1, seconds=-1)),
        ("P2DT1M59.5S", timedelta(days=2, seconds=119)),
        ("PT0.9S", timedelta()),
    ],
)
def test_durations_are_cut_to_whole_seconds(text: str, shown: timedelta) -> None:
    (cell,) = cells_of("interval", text)
    midnight = datetime(2024, 1, 1)  # noqa: DTZ001  # openpyxl returns durations of less than a day as times
    duration = datetime.combine(midnight, cell) - midnight if isinstance(cell, time) else cell
    assert duration == shown


def test_times_of_the_whole_day() -> None:
    midnight = datetime(2025, 6, 1, tzinfo=UTC)
    timestamps = [midnight + timedelta(seconds=second) for second in range(0, 86_400, 7)]
    read_back = cells_of("timestamp", *(f"{timestamp:%Y-%m-%d %H:%M:%S}+00" for timestamp in timestamps))
    assert read_back == [timestamp.replace(tzinfo=None) for timestamp in timestamps]


def test_a_value_longer_than_a_cell_is_an_error() -> None:
    for before in (["short"], ["x" * 200, "short"]):  # with and without shared strings
        with pytest.raises(FormatLimitError, match="has a value of 32,768 characters in column `c`") as caught:
            cells_of("text", *before, "x" * 32_768)
        assert (caught.value.column, caught.value.row) == ("c", len(before) + 1)
    with pytest.raises(FormatLimitError):
        cells_of("json", "😀" * 16_384)
    assert cells_of("text", "é" * 32_767) == ["é" * 32_767]


def test_sheet_names() -> None:
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


def test_sheet_names_with_an_apostrophe_are_quoted_in_references() -> None:
    data = write(make_header(1, title="Ann's & Bob's [all]"), make_rows(1))
    book = read(data)
    assert book.sheetnames[1] == "Ann's & Bob's all"
    assert b"'Ann''s &amp; Bob''s all'!$1:$1<" in zipfile.ZipFile(BytesIO(data)).read("xl/workbook.xml")


def test_column_letters() -> None:
    assert [column_letters(at) for at in (0, 25, 26, 701, 702, 16_383)] == ["A", "Z", "AA", "ZZ", "AAA", "XFD"]


def test_categories_beyond_the_maximum_are_added_up() -> None:
    labels = tuple(f"c{at}" for at in range(40))
    values = tuple(map(Decimal, range(40)))
    chart = Chart("Parts", "share", "rows", labels, (Series("Parts", values),))
    (panel,) = make_panels(make_header(0, charts=(chart,)))
    assert panel.labels == ("c39", "c38", "c37", "c36", "c35", "c34", "Outros (34)")
    assert sum(panel.values) == sum(values)


def test_shares_with_negative_values_are_drawn_as_bars() -> None:
    chart = Chart("Net", "share", "amount", ("a", "b"), (Series("BRL", (Decimal(-3), Decimal(5))),))
    book = read(write(make_header(0, charts=(chart,)), []))
    (drawn,) = book.worksheets[0]._charts
    assert (type(drawn).__name__, drawn.barDir) == ("BarChart", "bar")
    assert [point.v for point in drawn.series[0].cat.strRef.strCache.pt] == ["b", "a"]


@pytest.mark.parametrize("kind", ["bars", "time"])
@pytest.mark.parametrize(
    ("values", "bounds"), [((30, 25), (0, None)), ((-30, -25), (None, 0)), ((-1, 1), (None, None))]
)
def test_the_value_axis_includes_zero(
    kind: Literal["bars", "time"], values: tuple[int, int], bounds: tuple[int | None, int | None]
) -> None:
    chart = Chart("Rows", kind, "rows", ("2024-01", "2024-02"), (Series("Rows", tuple(map(Decimal, values))),))
    (drawn,) = read(write(make_header(0, charts=(chart,)), [])).worksheets[0]._charts
    assert (drawn.y_axis.scaling.min, drawn.y_axis.scaling.max) == bounds


def test_values_with_too_many_digits_are_rounded_in_charts() -> None:
    values = (Decimal("12345678901234567.89"), Decimal("NaN"))
    chart = Chart("Net", "bars", "amount", ("a", "b"), (Series("BRL", values),))
    sheet = read(write(make_header(0, charts=(chart,)), [])).worksheets[-1]
    assert [sheet["B3"].value, sheet["B4"].value] == [12345678901234600, 0]


@pytest.mark.parametrize(("series", "title"), [("Freight", "Freight"), ("Weight", "Freight (Weight)")])
def test_the_title_of_a_chart_names_the_amount_once(series: str, title: str) -> None:
    chart = Chart("Freight", "bars", "amount", ("a",), (Series(series, (Decimal(1),)),))
    (panel,) = make_panels(make_header(0, charts=(chart,)))
    assert (panel.title, panel.series) == (title, series)


def test_months_that_excel_does_not_support_are_strings() -> None:
    chart = Chart("Old", "time", "rows", ("1899-12", "1900-01"), (Series("Old", (Decimal(1), Decimal(2))),))
    (panel,) = make_panels(make_header(0, charts=(chart,)))
    assert (panel.months, panel.labels) == (False, ("1899-12", "1900-01"))


def test_compressed_streams_do_not_depend_on_threads() -> None:
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


def test_labels_are_shortened_to_excels_limits() -> None:
    long = "😀&" * 20_000
    series = tuple(Series(f"{at} {long}", (Decimal(at), Decimal(1))) for at in range(300))
    charts = (Chart(long, "bars", "amount", (long, "b"), series),)
    totals = tuple(Total(f"{at} {long[:20]}", 1, (Decimal(at),)) for at in range(12_000))
    columns = (Column("c", long), Column("d", "D"))
    more: dict[str, Any] = {"filters": ((long, long),), "organization": long, "title": long}
    header = make_header(1, charts=charts, totals=totals, columns=columns, **more)
    writer = cast("Any", make_writer("XLSX", header))
    data = writer.begin() + writer.add(Batch([(b"a", b"b")])) + writer.end()
    book = read(data)
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row if cell.value is not None]
    units = [len(str(cell.value).encode("utf-16-le")) // 2 for cell in cells]
    assert max(units) == 32_767
    assert len(book.worksheets[0]._charts) == 100
    assert [each.code for each in writer.warnings()] == ["charts-omitted"]
    with zipfile.ZipFile(BytesIO(data)) as archive:
        chart = archive.read("xl/charts/chart1.xml").decode()
        labels = [unescape_xml(text) for text in re.findall("<(?:a:t|c:v)>([^<]*)<", chart)]
        assert max(len(label.encode("utf-16-le")) // 2 for label in labels) == 255
        for sheet in book.worksheets:
            footer = sheet.oddFooter
            assert len(f"&L{footer.left.text}&R{footer.right.text}".encode("utf-16-le")) // 2 <= 255
    assert {sheet.oddFooter.right.text for sheet in book.worksheets} == {"&P / &N"}
    assert book.worksheets[0].oddFooter.left.text.replace("&&", "").count("&") == 0


def test_more_columns_than_a_sheet_can_have_are_an_error() -> None:
    columns = tuple(Column(f"c{at}", "C") for at in range(16_385))
    with pytest.raises(FormatLimitError, match="has 16,385 columns"):
        make_writer("XLSX", make_header(0, columns=columns, charts=())).begin()


def test_shared_strings_are_bounded_and_do_not_depend_on_batches() -> None:
    """The columns have strings that repeat, strings that rarely repeat, and more distinct strings than the maximum."""
    count = 30_000
    rows: list[Row] = [
        (b"type %d" % (at % 5), b"unique %d" % at, b"of many %d" % (at * at % 7_919)) for at in range(count)
    ]
    columns = (Column("a", "A"), Column("b", "B"), Column("c", "C"))
    header = make_header(count, columns=columns, charts=())
    files, states = [], []
    for batch in (1_000, 4_099, count):
        writer = cast("Any", make_writer("XLSX", header))
        out = [writer.begin()]
        for at in range(0, count, batch):
            out.append(writer.add(Batch(rows[at : at + batch])))
            if at % 3 == 0:
                saved = dump_state(writer.state)
                writer = cast("Any", make_writer("XLSX", header))
                writer.state = load_state(saved, writer.state)
        states.append(writer.state.shared_strings)
        files.append(b"".join([*out, writer.end()]))
    assert files[0] == files[1] == files[2]
    assert {at: len(strings) for at, strings in states[0].columns.items()} == {0: 5, 2: 3_960}
    cells = [tuple(row) for row in read(files[0]).worksheets[1].iter_rows(min_row=2, values_only=True)]
    assert cells == [tuple(str(cell, "ascii") for cell in row if cell is not None) for row in rows]


def test_an_archive_over_4_gib_has_zip64_fields_only_in_its_directory() -> None:
    far = 5 * 2**30
    state = ArchiveState(offset=far)
    archive = Archive(state, datetime(2026, 1, 1, tzinfo=UTC))
    stream = DeflateState()
    data = archive.open("streamed") + archive.count(finish(stream)) + archive.close(stream)
    data += archive.store("stored", b"text") + archive.end()

    class Sparse(BytesIO):
        """A file that seems to have `far` more bytes at its start."""

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


@pytest.mark.parametrize(
    ("values", "code"),
    [(["1200", "3.50"], "#,##0"), (["3", "2"], "#,##0"), (["0.25", "1"], "#,##0.00"), (["0.004", "0"], "General")],
)
def test_small_values_have_decimals_in_charts(values: list[str], code: str) -> None:
    panel = Panel(
        title="t",
        kind="bars",
        series="EUR",
        labels=tuple("ab"),
        months=False,
        values=tuple(map(Decimal, values)),
        label_cells="$A$3:$A$4",
        value_cells="$B$3:$B$4",
        series_cell="$B$2",
        month_format="",
    )
    plot = plot_bars(panel, "Charts")
    axes = plot[plot.index("</c:barChart>") :].replace(plot[plot.index("<c:catAx>") : plot.index("</c:catAx>")], "")
    assert f'<c:dLbls><c:numFmt formatCode="{code}"' in plot
    assert f'<c:numFmt formatCode="{code}"' in axes
