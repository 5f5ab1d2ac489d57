"""Estimates of bytes, pages and seconds, from the baseline measurement and from recent reports, and their warnings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from api.estimates.arithmetic import (
    BYTES_PER_CELL,
    FIXED_BYTES,
    MICROSECONDS_PER_CELL,
    GenerationTime,
    Observation,
    Paging,
    RequestedFile,
    estimate_bytes,
    estimate_pages,
    estimate_seconds,
    has_been_made,
)
from api.estimates.warnings import Facts, find_warnings
from resma.access.quotas import QuotaUsage
from resma.report.format_options import Compression, CsvOptions, FormatOptions, NdjsonOptions
from resma.snapshot.row_estimate import RowEstimate
from resma.writers import EXTENSIONS, file_extension
from resma.writers.pdf.readability import Readability

CSV = RequestedFile("csv", 1_000_000, None, 10)
SEEN = Observation("csv", 100_000, None, 10, bytes=20_000_100, pages=None, lines_per_page=None)


def test_every_file_extension_has_constants() -> None:
    compressions: tuple[Compression, ...] = ("none", "gzip", "zstd")
    extensions = {
        file_extension(format_, FormatOptions(csv=CsvOptions(compression=each), ndjson=NdjsonOptions(compression=each)))
        for format_ in EXTENSIONS
        for each in compressions
    }
    assert extensions == BYTES_PER_CELL.keys()
    assert FIXED_BYTES.keys() == MICROSECONDS_PER_CELL.keys() == {*EXTENSIONS.values()}


def test_bytes_are_estimated_from_files_with_the_same_extension_and_columns() -> None:
    assert estimate_bytes(CSV, []) == 128_000_100
    assert estimate_bytes(CSV, [replace(SEEN, extension="csv.gz", bytes=1)]) == 128_000_100
    by_other_columns = replace(SEEN, columns=["a"], cells=1, bytes=10_000_100)
    assert estimate_bytes(CSV, [by_other_columns]) == pytest.approx(1_000_000_000, rel=0.01)
    assert estimate_bytes(CSV, [by_other_columns, SEEN]) == pytest.approx(200_000_000, rel=0.01)
    assert has_been_made(CSV, [SEEN])
    assert not has_been_made(CSV, [replace(SEEN, rows=0, bytes=100)])


def test_a_tiny_report_has_little_weight_for_a_large_one() -> None:
    """Nearly all bytes of a PDF with three rows are its cover and charts."""
    tiny = Observation("pdf", 3, None, 9, bytes=40_000, pages=3, lines_per_page=50)
    requested = RequestedFile("pdf", 1_000_000, None, 9)
    assert estimate_bytes(requested, []) < estimate_bytes(requested, [tiny]) < 5 * estimate_bytes(requested, [])
    assert estimate_bytes(RequestedFile("pdf", 0, None, 9), [tiny]) == FIXED_BYTES["pdf"]


def test_a_pdf_without_a_cover_is_smaller() -> None:
    statement = RequestedFile("pdf", 10, None, 7, has_cover=False)
    assert estimate_bytes(statement, []) < 17_000 < estimate_bytes(replace(statement, has_cover=True), [])


@pytest.mark.parametrize(("rows", "pages"), [(0, 2), (1, 2), (2, 3), (50, 3), (51, 4), (500_000, 10_002)])
def test_pages_of_rows_with_one_line_are_exact(rows: int, pages: int) -> None:
    paging = Paging(50, wraps=False, has_subtotals=False, has_contents=True)
    assert estimate_pages(RequestedFile("pdf", rows, None, 9), [], paging) == pages


def test_pages_of_wrapped_rows_are_estimated_from_recent_reports() -> None:
    paging = Paging(50, wraps=True, has_subtotals=False, has_contents=False)
    requested = RequestedFile("pdf", 10_000, None, 9)
    assert estimate_pages(requested, [], paging) == 401
    nine_lines = Observation("pdf", 1_000, None, 9, bytes=0, pages=181, lines_per_page=50)
    assert estimate_pages(requested, [nine_lines], paging) == pytest.approx(1801, rel=0.03)
    other_paper = replace(nine_lines, pages=1_001, lines_per_page=74)
    assert estimate_pages(requested, [nine_lines, other_paper], paging) == pytest.approx(1801, rel=0.03)


def test_seconds_are_a_linear_regression_over_recent_reports() -> None:
    files = [CSV]
    first = estimate_seconds(files, [])
    assert first == pytest.approx(0.3 + 2.5, abs=0.1)
    slow = [GenerationTime(frozenset({"csv"}), rows, 1 + rows / 1000) for rows in (10_000, 100_000, 1_000_000)]
    assert estimate_seconds(files, slow) == pytest.approx(1001, rel=0.05)
    assert estimate_seconds(files, [GenerationTime(frozenset({"csv", "pdf"}), 10, 999)]) == first


def test_more_rows_never_take_less_time() -> None:
    """Not even if a small recent report was slow and a large one was fast."""
    contradictory = [GenerationTime(frozenset({"csv"}), 10, 60), GenerationTime(frozenset({"csv"}), 1_000_000, 1)]
    seconds = [estimate_seconds([replace(CSV, rows=rows)], contradictory) for rows in (0, 10**6, 10**7, 10**9)]
    assert seconds == sorted(seconds)
    assert seconds[0] > 0
    assert seconds[-1] > 1000
    none = [GenerationTime(frozenset({"csv"}), 0, 0.0)] * 20
    assert estimate_seconds([replace(CSV, rows=0)], none) > 0


FACTS = Facts(
    counted=RowEstimate(1000, is_exact=True),
    formats=["XLSX"],
    seconds=1,
    worker_seconds=900,
    room=QuotaUsage(max_live=10, max_rows=10**9, max_files=10**6, live=0, rows=0, files=0, day_seconds_left=60),
    masked=[],
    unseen=[],
)


def test_an_ordinary_report_has_no_warnings() -> None:
    assert find_warnings(FACTS) == []
    assert find_warnings(replace(FACTS, counted=RowEstimate(1_048_575, is_exact=True), seconds=675)) == []
    many = RowEstimate(2_000_000, is_exact=True)
    assert find_warnings(replace(FACTS, counted=many, formats=["CSV"])) == []
    assert (
        find_warnings(replace(FACTS, counted=RowEstimate(5, is_exact=True), formats=["CSV"], csv_for_excel=True)) == []
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"counted": RowEstimate(1_048_576, is_exact=True)}, "2 worksheets"),
        (
            {"counted": RowEstimate(1_048_576, is_exact=True), "formats": ["CSV"], "csv_for_excel": True},
            "first 1,048,575 rows",
        ),
        ({"counted": RowEstimate(0, is_exact=True)}, "No rows match"),
        ({"counted": RowEstimate(10, is_exact=False)}, "planner's estimate"),
        ({"seconds": 676}, "about 1 time,"),
        ({"seconds": 6750}, "about 9 times"),
        ({"room": replace(FACTS.room, live=10)}, "10 reports are in progress"),
        ({"room": replace(FACTS.room, rows=10**9 - 999)}, "per day (999)"),
        ({"room": replace(FACTS.room, rows=2 * 10**9)}, "used all"),
        ({"masked": ["a", "b"]}, "a, b"),
        ({"page": Readability(("a", "b"), ())}, "`a`, `b` may be hard to read"),
        ({"page": Readability((), ("a",) * 100)}, "100 columns (`a`, `a`, `a`, ...) would have space for fewer than 2"),
        ({"unseen": ["XLSX"]}, "as XLSX."),
    ],
)
def test_each_warning_says_what_it_is_about(changes: dict[str, object], says: str) -> None:
    (warning,) = find_warnings(replace(FACTS, **changes))  # type: ignore[arg-type]
    assert says in warning.detail
    assert warning.detail.endswith(".")


@pytest.mark.parametrize(
    ("keys", "formats", "used", "codes"),
    [
        (10, ["PDF"], 0, []),
        (10, ["PDF"], 10**6 - 10, []),
        (10, ["PDF", "CSV"], 10**6 - 10, ["too-many-files"]),
        (10, ["PDF"], 10**6, ["files-quota-exhausted"]),
        (None, ["PDF"], 0, ["keys-not-counted"]),
    ],
)
def test_files_of_a_split_report_count_towards_the_quota(
    keys: int | None, formats: list[str], used: int, codes: list[str]
) -> None:
    facts = replace(
        FACTS,
        counted=RowEstimate(1000, is_exact=True, keys=keys),
        formats=formats,
        room=replace(FACTS.room, files=used),
        is_split=True,
    )
    assert [warning.code for warning in find_warnings(facts)] == codes
    assert find_warnings(replace(facts, counted=RowEstimate(1000, is_exact=True), is_split=False)) == []


def test_limits_of_excel_apply_to_each_file_of_a_split_report() -> None:
    facts = replace(FACTS, counted=RowEstimate(2_000_000, is_exact=True, keys=2), is_split=True)
    assert find_warnings(facts) == []


def test_each_file_of_a_split_report_takes_time() -> None:
    one, many = (estimate_seconds([replace(CSV, rows=10_000)], [], files) for files in (1, 10_001))
    assert many - one == pytest.approx(30)
