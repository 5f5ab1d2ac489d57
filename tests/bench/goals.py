"""The goals of the benchmark, and whether a run has met them. A goal that is not met does not fail the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from tests.bench.cases import FORMATS
from tests.bench.results import Result

HALF_A_MILLION, FIVE_MILLION, TWENTY_MILLION = 500_000, 5_000_000, 20_000_000

IMPORT, POST, DEMO = "resma api import", "resma api POST", "resma demo PDF, warm"
STATEMENTS = 1_000
"""Number of statements of one page that are written."""

STATEMENTS_PDF, STATEMENTS_CSV = "resma statements PDF", "resma statements CSV"
SPLIT_BY_ONE, SPLIT_BY_FOUR = "resma split report, 1 worker", "resma split report, 4 workers"
"""Names of the results of a split report whose source answers slowly, by number of workers."""

SPLIT_KEYS = 1_440
"""Number of its files."""

GROWTH = "resma growth"
"""Name of the results of PDF with 500 thousand and 5 million rows, measured in the same rounds."""

GoalStatus = Literal["met", "NOT MET", "not measured"]


class Figures:
    """Results by name and rows."""

    def __init__(self, results: Sequence[Result]) -> None:
        self._results = {(result.name, result.rows): result for result in results}

    def find(self, name: str, rows: int = HALF_A_MILLION) -> Result | None:
        """Returns a result; None if it was not measured."""
        return self._results.get((name, rows))

    def ratio(self, name: str) -> float | None:
        """Returns the ratio to the time of COPY for 500 thousand rows; None if it was not measured."""
        result = self.find(name)
        return result.ratio_to_copy if result else None

    def seconds(self, name: str, rows: int = HALF_A_MILLION) -> float | None:
        """Returns the seconds of the fastest run; None if it was not measured."""
        result = self.find(name, rows)
        return result.seconds if result else None

    def peak(self, rows: int) -> float | None:
        """Returns the peak memory over all formats, with and without upload, in MB; None unless all were measured."""
        names = [f"resma {format_.lower()}{end}" for format_ in FORMATS for end in ("", " to s3")]
        peaks = [result.peak_rss_mb for name in names if (result := self.find(name, rows)) and result.peak_rss_mb]
        return max(peaks) if len(peaks) == len(names) else None


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal. The number that `figure` returns must be at most `limit`, or at least with `at_least`."""

    what: str
    limit: float
    unit: str
    figure: Callable[[Figures], float | None]
    at_least: bool = False

    def outcome(self, figures: Figures) -> tuple[float | None, GoalStatus]:
        """Returns the number, and whether the goal is met."""
        number = self.figure(figures)
        if number is None:
            return None, "not measured"
        is_met = number >= self.limit if self.at_least else number <= self.limit
        return number, "met" if is_met else "NOT MET"


def _quotient(dividend: float | None, divisor: float | None) -> float | None:
    return dividend / divisor if dividend and divisor else None


def _statements_per_second(figures: Figures, name: str) -> float | None:
    return _quotient(STATEMENTS, figures.seconds(name, 0))


def _kilobytes_per_file(figures: Figures, name: str) -> float | None:
    result = figures.find(name, 0)
    return result.bytes_per_file / 1000 if result and result.bytes_per_file else None


def _milliseconds(figures: Figures, name: str) -> float | None:
    result = figures.find(name, 0)
    return result.median_seconds * 1000 if result and result.median_seconds else None


GOALS = (
    Goal("CSV, time of COPY", 1.5, "x", lambda f: f.ratio("resma csv")),
    Goal("NDJSON, time of COPY", 3, "x", lambda f: f.ratio("resma ndjson")),
    Goal("PDF with charts, time of COPY", 3, "x", lambda f: f.ratio("resma pdf")),
    Goal(
        "PDF, time of 5 million rows to 500 thousand's",
        11,
        "x",
        lambda f: _quotient(f.seconds(GROWTH, FIVE_MILLION), f.seconds(GROWTH)),
    ),
    Goal("XLSX, time of COPY", 5, "x", lambda f: f.ratio("resma xlsx")),
    Goal(
        "XLSX, XlsxWriter constant_memory's time to ours",
        8,
        "x",
        lambda f: _quotient(f.seconds("XlsxWriter constant_memory"), f.seconds("resma xlsx")),
        at_least=True,
    ),
    Goal("peak memory of any format, 500 thousand rows", 160, "MB", lambda f: f.peak(HALF_A_MILLION)),
    Goal("peak memory of any format, 5 million rows", 160, "MB", lambda f: f.peak(FIVE_MILLION)),
    Goal("peak memory of any format, 20 million rows", 160, "MB", lambda f: f.peak(TWENTY_MILLION)),
    Goal(
        "PDF statements of one page per second",
        300,
        "files",
        lambda f: _statements_per_second(f, STATEMENTS_PDF),
        at_least=True,
    ),
    Goal("PDF statement of one page, average size", 20, "KB", lambda f: _kilobytes_per_file(f, STATEMENTS_PDF)),
    Goal(
        "CSV statements per second", 2_000, "files", lambda f: _statements_per_second(f, STATEMENTS_CSV), at_least=True
    ),
    Goal("API function, cold import", 600, "ms", lambda f: _milliseconds(f, IMPORT)),
    Goal("API function, POST warm, its own time", 15, "ms", lambda f: _milliseconds(f, POST)),
    Goal(
        "split report, slow source, 4 workers to 1",
        3.2,
        "x",
        lambda f: _quotient(f.seconds(SPLIT_BY_ONE, SPLIT_KEYS), f.seconds(SPLIT_BY_FOUR, SPLIT_KEYS)),
        at_least=True,
    ),
    Goal("whole demo, POST to READY, PDF, warm", 4, "s", lambda f: f.seconds(DEMO)),
)
