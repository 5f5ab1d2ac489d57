"""What a report would come to: bytes, pages and seconds, from what the tenant's own recent ones came to.

Where there are none, from what was measured once: `TRANSACTIONS` of the demo bank, 100,000 rows of nine columns, with
the writers alone on two cores, as docs/benchmarks.md describes them. Each report that was made weighs by its rows, and
soon outweighs that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

FIXED_BYTES = {"csv": 100, "ndjson": 0, "xlsx": 5_200, "pdf": 59_500, "parquet": 2_000}
"""Of a file without rows, by the first part of its extension: in a PDF the cover, charts and fonts."""

BYTES_A_CELL = {
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
"""By extension. The shipped types have from 0.5 to 3.4 times as much: that is what a first estimate is worth."""

MICROSECONDS_A_CELL = {"csv": 0.25, "ndjson": 0.25, "xlsx": 0.5, "pdf": 0.5, "parquet": 0.28}
"""Reading included, by the first part of the extension."""

FIXED_SECONDS = 0.3
"""To connect, to count, and to complete the uploads."""

LINES_OF_WRAPPED_ROWS = 2.0
"""Of a PDF with columns whose texts go on below; an audit trail has nine, an account statement one and a half."""

_FIRST_ROWS = 100
"""So many rows weigh what was measured once: of a report of three, cover and charts are nearly all."""

_FIRST_ROWS_OF_LINES = 20

_FIRST_ROWS_OF_TIME = 100_000

_HALF_A_PAGE = 0.5
"""What the last page has free, as a rule."""


@dataclass(frozen=True)
class Observation:
    """One file of a report that is READY."""

    extension: str
    rows: int
    columns: list[str] | None
    """As asked for; None is all."""
    cells: int
    """Columns of each row."""
    bytes: int
    pages: int | None
    lines_per_page: int | None


@dataclass(frozen=True)
class Timing:
    """How long a report took that was made in one go."""

    extensions: frozenset[str]
    rows: int
    seconds: float


@dataclass(frozen=True)
class Wanted:
    """A file that is asked for."""

    extension: str
    rows: int
    columns: list[str] | None
    cells: int


@dataclass(frozen=True)
class Paging:
    """How a PDF is laid out."""

    lines_per_page: int
    wraps: bool
    """Whether texts of its columns go on below."""
    has_subtotals: bool
    has_contents: bool


def estimate_bytes(wanted: Wanted, seen: Sequence[Observation]) -> int:
    """Bytes of a file: as many a cell as in files like it."""
    fixed = FIXED_BYTES[_format(wanted.extension)]
    alike = _alike(wanted, seen)
    weight = _FIRST_ROWS * wanted.cells
    per_cell = (weight * BYTES_A_CELL[wanted.extension] + sum(max(0, file.bytes - fixed) for file in alike)) / (
        weight + sum(file.rows * file.cells for file in alike)
    )
    return round(fixed + per_cell * wanted.rows * wanted.cells)


def estimate_pages(wanted: Wanted, seen: Sequence[Observation], pages: Paging) -> int:
    """Pages of a PDF: cover, contents, and lines of rows, as many a row as in files like it."""
    front = 2 if pages.has_contents else 1
    lines = wanted.rows * _lines_per_row(wanted, seen, pages, front)
    if wanted.rows <= 1:
        front = 1  # contents are of two periods or more
    return front + max(1, ceil(round(lines / pages.lines_per_page, 3)))


def _lines_per_row(wanted: Wanted, seen: Sequence[Observation], pages: Paging, front: int) -> float:
    if not (pages.wraps or pages.has_subtotals):
        return 1.0
    alike = [file for file in _alike(wanted, seen) if file.pages and file.lines_per_page]
    # On other paper columns have another width.
    alike = [file for file in alike if file.lines_per_page == pages.lines_per_page] or alike
    lines = sum(((file.pages or 0) - front - _HALF_A_PAGE) * (file.lines_per_page or 0) for file in alike)
    first = _FIRST_ROWS_OF_LINES * (LINES_OF_WRAPPED_ROWS if pages.wraps else 1.0)
    return max(1.0, (first + lines) / (_FIRST_ROWS_OF_LINES + sum(file.rows for file in alike)))


def estimate_seconds(wanted: Sequence[Wanted], seen: Sequence[Timing]) -> float:
    """Seconds to make these files in one go: a straight line through what reports of these formats took.

    It is held by two points of what was measured once, and no row is thought to take less than half of that.
    """
    rows, cells = wanted[0].rows, wanted[0].cells
    first = sum(MICROSECONDS_A_CELL[_format(file.extension)] for file in wanted) * cells / 1e6
    extensions = {file.extension for file in wanted}
    points = [(0.0, FIXED_SECONDS), (float(_FIRST_ROWS_OF_TIME), FIXED_SECONDS + first * _FIRST_ROWS_OF_TIME)]
    points += [(float(report.rows), report.seconds) for report in seen if report.extensions == extensions]
    mean_rows = sum(x for x, _ in points) / len(points)
    mean_seconds = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_rows) ** 2 for x, _ in points)
    a_row = max(first / 2, sum((x - mean_rows) * (y - mean_seconds) for x, y in points) / spread)
    return round(max(0.1, mean_seconds - a_row * mean_rows) + a_row * rows, 1)


def has_been_made(wanted: Wanted, seen: Sequence[Observation]) -> bool:
    """Whether there is anything to go by but what was measured once."""
    return any(file.rows for file in _alike(wanted, seen))


def _alike(wanted: Wanted, seen: Sequence[Observation]) -> list[Observation]:
    """Files of the same kind: with the same columns where there are any, otherwise with others."""
    same = [file for file in seen if file.extension == wanted.extension]
    return [file for file in same if file.columns == wanted.columns] or same


def _format(extension: str) -> str:
    return extension.partition(".")[0]
