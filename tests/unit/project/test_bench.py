"""The parts of the benchmark that need no measurement: scaling, goals, the table, bench.json and the chart."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from importlib.util import find_spec

import pytest

from api.settings import ApiSettings
from infra.paths import ROOT
from tests.bench.cases import COPY, FAST, FORMATS, SLOW, find_peer
from tests.bench.chart import WIDTH, draw
from tests.bench.goals import GOALS, GROWTH, HALF_A_MILLION, POST, STATEMENTS_PDF, Figures
from tests.bench.report import as_json, goals_table, table
from tests.bench.results import Group, Measurement, Result, combine
from tests.bench.sink import Sink, text_into

SVG = "{http://www.w3.org/2000/svg}"
COPIES = [
    Measurement(HALF_A_MILLION, 0.5, 49),
    Measurement(HALF_A_MILLION, 0.4, 48),
    Measurement(HALF_A_MILLION, 1.0, 47),
]


def ours(group: Group, seconds: float, rows: int = HALF_A_MILLION, peak: float = 66, end: str = "") -> Result:
    runs = [Measurement(rows, seconds, peak)]
    return combine(f"resma {group.lower()}{end}", group, runs, [Measurement(rows, rows / 1e6, 49)], rows)


RESULTS = [
    combine("COPY", "COPY", COPIES, COPIES, HALF_A_MILLION),
    *(ours(format_, 0.5 + n, peak=66 + n) for n, format_ in enumerate(FORMATS)),
    *(ours(format_, 0.7 + n, peak=120 + n, end=" to s3") for n, format_ in enumerate(FORMATS)),
    *(
        replace(ours("PDF", seconds, rows), name=GROWTH, group="SYSTEM")
        for seconds, rows in ((2.5, HALF_A_MILLION), (25.5, 5_000_000))
    ),
    combine("XlsxWriter constant_memory", "XLSX", [Measurement(50_000, 3.0, 59)], COPIES[:1], HALF_A_MILLION),
    combine("<slow> & more", "PDF", [Measurement(2_000, 6.5, 59)], COPIES[:1], HALF_A_MILLION),
    Result("WeasyPrint", "PDF", HALF_A_MILLION, comment="needs Pango: on Debian, `apt install libpango-1.0-0`"),
    Result(POST, "SYSTEM", 0, 0.004, 0.005, 90),
    Result(STATEMENTS_PDF, "SYSTEM", 0, 2.5, 2.6, 90, bytes_per_file=16_400),
]


def test_the_quickest_run_counts_and_the_largest_memory() -> None:
    runs = [
        Measurement(HALF_A_MILLION, 0.9, 60),
        Measurement(HALF_A_MILLION, 0.6, 70),
        Measurement(HALF_A_MILLION, 1.1, 65),
    ]
    result = combine("resma csv", "CSV", runs, COPIES, HALF_A_MILLION)
    assert (result.seconds, result.median_seconds, result.peak_rss_mb) == (0.6, 0.9, 70)
    assert result.ratio_to_copy == pytest.approx(0.6 / 0.4)
    assert result.median_ratio_to_copy == pytest.approx(0.6 / 0.4)  # of 1.8, 1.5, 1.1
    assert result.rows_per_second == 833_333
    assert result.measured_rows is None


def test_fewer_rows_are_scaled_in_proportion_and_say_so() -> None:
    result = combine(
        "fpdf2", "PDF", [Measurement(2_000, 6.0, 80), Measurement(2_000, 5.0, 90)], COPIES[:2], HALF_A_MILLION
    )
    assert result.seconds == pytest.approx(1250)
    assert result.ratio_to_copy == pytest.approx(1250 / 0.4)
    assert result.peak_rss_mb == 90
    assert result.measured_rows == 2_000
    assert result.as_json()["scaled"] is True
    assert "scaled from 2,000 rows" in table([result])


@pytest.mark.parametrize("runs", [[], [Measurement(0, 1.0, 50)]])
def test_nothing_measured_is_no_result(runs: list[Measurement]) -> None:
    with pytest.raises(ValueError, match="There is no measurement"):
        combine("resma csv", "CSV", runs, COPIES, HALF_A_MILLION)


def test_json_is_a_list_of_rows_with_the_documented_fields() -> None:
    rows = json.loads(as_json(RESULTS))
    assert [row["name"] for row in rows] == [result.name for result in RESULTS]
    for row in rows:
        assert {"name", "rows", "seconds", "rows_per_second", "peak_rss_mb", "ratio_to_copy"} <= row.keys()
    csv = next(row for row in rows if row["name"] == "resma csv")
    assert (csv["rows"], csv["seconds"], csv["rows_per_second"]) == (500_000, 0.5, 1_000_000)
    assert (csv["peak_rss_mb"], csv["ratio_to_copy"], csv["scaled"]) == (66, 1.0, False)
    missing = next(row for row in rows if row["name"] == "WeasyPrint")
    assert (missing["seconds"], missing["comment"][:11]) == (None, "needs Pango")


def test_the_table_has_every_result_and_the_reason_of_missing_ones() -> None:
    text = table(RESULTS)
    lines = text.splitlines()
    for result in RESULTS:
        assert any(line.startswith(f"  {result.name} ") for line in lines), result.name
    assert "apt install" in text
    assert "~30.000" in text  # 3 s for 50,000 rows
    assert lines.index("500,000 rows") < lines.index("5,000,000 rows") < lines.index("API function and small files")


@pytest.mark.parametrize(
    ("what", "figure", "outcome"),
    [
        ("CSV, time of COPY", 1.0, "met"),
        ("NDJSON, time of COPY", 3.0, "met"),
        ("PDF with charts, time of COPY", 5.0, "NOT MET"),
        ("PDF, time of 5 million rows to 500 thousand's", 10.2, "met"),
        ("XLSX, XlsxWriter constant_memory's time to ours", 30 / 3.5, "met"),
        ("peak memory of any format, 500 thousand rows", 124, "met"),
        ("peak memory of any format, 5 million rows", None, "not measured"),
        ("PDF statements of one page per second", 400, "met"),
        ("PDF statement of one page, average size", 16.4, "met"),
        ("CSV statements per second", None, "not measured"),
        ("API function, POST warm, its own time", 5, "met"),
        ("API function, cold import", None, "not measured"),
    ],
)
def test_goals(what: str, figure: float | None, outcome: str) -> None:
    (goal,) = [goal for goal in GOALS if goal.what == what]
    number, actual = goal.outcome(Figures(RESULTS))
    assert actual == outcome
    assert number == (None if figure is None else pytest.approx(figure))
    assert any(what in line and line.endswith(outcome) for line in goals_table(RESULTS).splitlines())


def test_a_goal_may_be_a_minimum() -> None:
    (goal,) = [goal for goal in GOALS if goal.at_least and goal.what.startswith("XLSX")]
    others = [result for result in RESULTS if result.name != "resma xlsx"]
    number, outcome = goal.outcome(Figures([ours("XLSX", 4.0), *others]))
    assert number == pytest.approx(7.5)  # and 8.57 with the one that is left out
    assert outcome == "NOT MET"


def test_the_chart_shows_every_result_of_half_a_million_rows() -> None:
    root = ET.fromstring(draw(RESULTS))
    texts = [text.text for text in root.iter(f"{SVG}text")]
    shown = [result for result in RESULTS if result.rows == HALF_A_MILLION and result.group != "SYSTEM"]
    for result in shown:
        assert texts.count(result.name) == 1, result.name
    bars = [rect for rect in root.iter(f"{SVG}rect") if rect.get("class") != "ground"]
    assert len(bars) == len([result for result in shown if result.seconds])
    assert len([bar for bar in bars if bar.get("class") == "ours"]) == 10
    assert len([bar for bar in bars if "scaled" in bar.get("class", "")]) == 2
    assert any(text and "about 30 s, scaled from 50,000 rows" in text for text in texts)
    assert not list(root.iter(f"{SVG}path"))  # letters are text


def test_the_length_of_bars_is_logarithmic() -> None:
    """Each power of ten has the same width, and all bars are inside of the chart."""
    by_name: dict[str, float] = {}
    root = ET.fromstring(draw([ours("CSV", 0.1), ours("PDF", 1.0), ours("XLSX", 10.0)]))
    names = [text.text for text in root.iter(f"{SVG}text") if (text.text or "").startswith("resma ")]
    bars = [rect for rect in root.iter(f"{SVG}rect") if rect.get("class") == "ours"]
    for name, bar in zip(names, bars, strict=True):
        by_name[str(name)] = float(bar.get("width", 0))
        assert float(bar.get("x", 0)) + float(bar.get("width", 0)) < WIDTH
    assert by_name["resma pdf"] * 2 == pytest.approx(by_name["resma xlsx"], abs=0.2)
    assert by_name["resma csv"] == 1  # the shortest bar is still visible


def test_a_chart_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="There is no measurement"):
        draw([RESULTS[-2]])


def test_every_peer_has_its_module_and_its_own_name() -> None:
    peers = (COPY, *FAST, *SLOW)
    for peer in peers:
        assert find_spec(peer.module) is not None
        assert find_peer(peer.name) is peer
    assert all(peer.rows for peer in SLOW)
    assert not any(peer.rows for peer in FAST)


def test_the_lock_file_pins_every_peer_and_names_no_index() -> None:
    lock = (ROOT / "infra/requirements/bench.txt").read_text(encoding="utf-8")
    for package in (
        "adbc-driver-postgresql",
        "duckdb",
        "duckdb-extension-postgres-scanner",
        "fpdf2",
        "openpyxl",
        "pyarrow",
        "reportlab",
        "rustpy-xlsxwriter",
        "typst",
        "weasyprint",
        "xlsxwriter",
        "moto",
    ):
        assert f"\n{package}==" in lock
    assert "://" not in lock


def test_the_sink_counts_the_bytes_of_text() -> None:
    sink = Sink()
    with text_into(sink) as text:
        text.write("São\r\n")
    assert sink.bytes == 6
    assert sink.write(memoryview(b"abc")) == 3
    assert sink.tell() == 9


def test_the_measured_function_has_all_required_settings() -> None:
    prepared = (ROOT / "tests" / "bench" / "api_post.py").read_text(encoding="utf-8")
    required = [name for name, field in ApiSettings.model_fields.items() if field.is_required()]
    assert [name for name in required if f"{name.upper()}=" not in prepared] == []
