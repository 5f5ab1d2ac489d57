"""Estimates bytes, pages and seconds of a report from the recent reports of the tenant.

Without recent reports, the constants of a baseline measurement are used: `TRANSACTIONS` of the demo bank, 100,000 rows
of nine columns, the writers alone on two cores, as in docs/benchmarks.md. Recent reports are weighted by their number
of rows, and soon have more weight than the baseline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

FIXED_BYTES = {"csv": 100, "ndjson": 0, "xlsx": 5_200, "pdf": 28_000, "parquet": 2_000}
"""Bytes of a file without rows, by the first part of its extension. In a PDF these are the cover, charts and fonts."""

BYTES_WITHOUT_COVER = 16_000
"""Bytes of a PDF without rows and without a cover, such as a statement."""

BYTES_PER_CELL = {
    "csv": 12.8,
    "csv.gz": 3.1,
    "csv.zst": 2.6,
    "ndjson": 25.0,
    "ndjson.gz": 3.7,
    "ndjson.zst": 3.0,
    "xlsx": 5.9,
    "pdf": 6.8,
    "parquet": 2.3,
}
"""Bytes per cell by extension. The report types of the project have 0.5 to 3.4 times as many, which is the accuracy of
a first estimate."""

MICROSECONDS_PER_CELL = {"csv": 0.25, "ndjson": 0.25, "xlsx": 0.5, "pdf": 0.5, "parquet": 0.28}
"""Microseconds per cell, including the read from the database, by the first part of the extension."""

FIXED_SECONDS = 0.3
"""Seconds to connect, to count the rows, and to complete the uploads."""

SECONDS_PER_FILE = 0.003
"""Seconds for each further file of a split report, of about one page."""

LINES_PER_WRAPPED_ROW = 2.0
"""Lines per row of a PDF with wrapped columns. An audit trail has nine lines, an account statement one and a half."""

_BASELINE_ROWS = 100
"""Weight of the baseline, in rows. It keeps the estimate stable if a recent report has few rows, because nearly all of
such a file is cover and charts."""

_BASELINE_ROWS_OF_LINES = 20

_BASELINE_ROWS_OF_TIME = 100_000

_HALF_A_PAGE = 0.5
"""Average free part of the last page."""


@dataclass(frozen=True)
class Observation:
    """File of a READY report."""

    extension: str
    rows: int
    columns: list[str] | None
    """Columns that were requested. None: all columns."""
    cells: int
    """Number of cells in each row."""
    bytes: int
    pages: int | None
    lines_per_page: int | None


@dataclass(frozen=True)
class GenerationTime:
    """Duration of a report that was generated in one invocation."""

    extensions: frozenset[str]
    rows: int
    seconds: float


@dataclass(frozen=True)
class RequestedFile:
    """File of the report to estimate."""

    extension: str
    rows: int
    columns: list[str] | None
    cells: int
    has_cover: bool = True
    """Whether the file has a cover with charts, if it is a PDF."""


@dataclass(frozen=True)
class Paging:
    """Layout of a PDF."""

    lines_per_page: int
    wraps: bool
    """Whether the PDF has wrapped columns."""
    has_subtotals: bool
    has_contents: bool
    groups: int = 1
    """Number of pages for each page of rows: more than one if the columns are split."""


def estimate_bytes(requested: RequestedFile, seen: Sequence[Observation]) -> int:
    """Returns the bytes of a file, from the bytes per cell of similar files."""
    fixed = FIXED_BYTES[_format(requested.extension)] if requested.has_cover else BYTES_WITHOUT_COVER
    similar = _similar_files(requested, seen)
    weight = _BASELINE_ROWS * requested.cells
    per_cell = (weight * BYTES_PER_CELL[requested.extension] + sum(max(0, file.bytes - fixed) for file in similar)) / (
        weight + sum(file.rows * file.cells for file in similar)
    )
    return round(fixed + per_cell * requested.rows * requested.cells)


def estimate_pages(requested: RequestedFile, seen: Sequence[Observation], pages: Paging) -> int:
    """Returns the pages of a PDF: cover, contents, and rows with as many lines per row as similar files have."""
    front = requested.has_cover + pages.has_contents
    lines = requested.rows * _lines_per_row(requested, seen, pages, front)
    if requested.rows <= 1:
        front = int(requested.has_cover)  # a table of contents needs at least two periods
    groups = pages.groups if requested.rows else 1
    return front + groups * max(1, ceil(round(lines / pages.lines_per_page, 3)))


def _lines_per_row(requested: RequestedFile, seen: Sequence[Observation], pages: Paging, front: int) -> float:
    if not (pages.wraps or pages.has_subtotals):
        return 1.0
    similar = [file for file in _similar_files(requested, seen) if file.pages and file.lines_per_page]
    # Column widths depend on the paper size.
    similar = [file for file in similar if file.lines_per_page == pages.lines_per_page] or similar
    lines = sum(
        (((file.pages or 0) - front) / pages.groups - _HALF_A_PAGE) * (file.lines_per_page or 0) for file in similar
    )
    first = _BASELINE_ROWS_OF_LINES * (LINES_PER_WRAPPED_ROW if pages.wraps else 1.0)
    return max(1.0, (first + lines) / (_BASELINE_ROWS_OF_LINES + sum(file.rows for file in similar)))


def estimate_seconds(requested: Sequence[RequestedFile], seen: Sequence[GenerationTime], files: int = 1) -> float:
    """Returns the seconds to generate these files, by linear regression over reports of the same formats.

    The baseline measurement adds two points, and is a lower limit: no row takes less than half of its time. `files` is
    the number of files in each format, which together have these rows.
    """
    rows, cells = requested[0].rows, requested[0].cells
    first = sum(MICROSECONDS_PER_CELL[_format(file.extension)] for file in requested) * cells / 1e6
    extensions = {file.extension for file in requested}
    points = [(0.0, FIXED_SECONDS), (float(_BASELINE_ROWS_OF_TIME), FIXED_SECONDS + first * _BASELINE_ROWS_OF_TIME)]
    points += [(float(report.rows), report.seconds) for report in seen if report.extensions == extensions]
    mean_rows = sum(x for x, _ in points) / len(points)
    mean_seconds = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_rows) ** 2 for x, _ in points)
    per_row = max(first / 2, sum((x - mean_rows) * (y - mean_seconds) for x, y in points) / spread)
    more_files = SECONDS_PER_FILE * (files - 1) * len(requested)
    return round(max(0.1, mean_seconds - per_row * mean_rows) + per_row * rows + more_files, 1)


def has_been_made(requested: RequestedFile, seen: Sequence[Observation]) -> bool:
    """Whether recent files of this kind exist, so that the estimate does not depend on the baseline alone."""
    return any(file.rows for file in _similar_files(requested, seen))


def _similar_files(requested: RequestedFile, seen: Sequence[Observation]) -> list[Observation]:
    """Returns files of the same extension: those with the same columns if any exist, otherwise all."""
    same = [file for file in seen if file.extension == requested.extension]
    return [file for file in same if file.columns == requested.columns] or same


def _format(extension: str) -> str:
    return extension.partition(".")[0]
