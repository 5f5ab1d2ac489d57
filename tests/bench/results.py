"""Combines the measurements of a case into a result, which is a row of bench.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

Group = Literal["COPY", "CSV", "NDJSON", "PDF", "XLSX", "PARQUET", "SYSTEM"]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measurement in a process of its own: its seconds and its peak memory in MB."""

    rows: int
    seconds: float
    peak_rss_mb: float


@dataclass(frozen=True, slots=True)
class Result:
    """The combined measurements of a case. `seconds` is the fastest one, as other programs can only slow it down."""

    name: str
    group: Group
    rows: int
    """Number of rows that `seconds` are for."""
    seconds: float | None = None
    """Seconds of the fastest run. None if it could not be measured; `comment` then says why, and what to do."""
    median_seconds: float | None = None
    peak_rss_mb: float | None = None
    """Maximum of the runs. Not scaled, although a writer that keeps everything in memory needs more for more rows."""
    ratio_to_copy: float | None = None
    """Ratio of `seconds` to the fastest COPY of the same rounds."""
    median_ratio_to_copy: float | None = None
    """Median of the rounds' ratios to their own COPY."""
    measured_rows: int | None = None
    """Number of rows that were measured, if `seconds` are scaled."""
    bytes_per_file: float | None = None
    """Average size of the files that were written, for results that count files."""
    comment: str = ""

    @property
    def rows_per_second(self) -> int | None:
        """Rows per second; None if the result does not count rows."""
        return round(self.rows / self.seconds) if self.rows and self.seconds else None

    @property
    def is_ours(self) -> bool:
        """Whether the result is Resma's, not a peer's."""
        return self.name.startswith("resma ")

    def as_json(self) -> dict[str, Any]:
        """Returns a row of bench.json. If it is `scaled`, it was measured on `measured_rows` and multiplied."""
        return {
            "name": self.name,
            "group": self.group,
            "rows": self.rows,
            "seconds": _rounded(self.seconds, 4),
            "rows_per_second": self.rows_per_second,
            "peak_rss_mb": _rounded(self.peak_rss_mb, 1),
            "ratio_to_copy": _rounded(self.ratio_to_copy, 3),
            "median_seconds": _rounded(self.median_seconds, 4),
            "median_ratio_to_copy": _rounded(self.median_ratio_to_copy, 3),
            "scaled": self.measured_rows is not None,
            "bytes_per_file": _rounded(self.bytes_per_file, 0),
            "measured_rows": self.rows if self.measured_rows is None else self.measured_rows,
            "comment": self.comment,
        }


def combine(
    name: str, group: Group, runs: Sequence[Measurement], copies: Sequence[Measurement], rows: int, comment: str = ""
) -> Result:
    """Combines the runs of some rounds into a result. Each round started with a COPY of all `rows`.

    Runs of fewer rows are scaled in proportion. That favors programs that take more than twice as long for twice as
    many rows. Raises ValueError without runs, or if a run has no rows.
    """
    if not runs or not copies or not all(run.rows for run in [*runs, *copies]):
        raise ValueError(f"There is no measurement of '{name}'.")
    measured = runs[0].rows
    seconds = [run.seconds * rows / run.rows for run in runs]
    copy_seconds = [run.seconds for run in copies]
    return Result(
        name=name,
        group=group,
        rows=rows,
        seconds=min(seconds),
        median_seconds=median(seconds),
        peak_rss_mb=max(run.peak_rss_mb for run in runs),
        ratio_to_copy=min(seconds) / min(copy_seconds),
        median_ratio_to_copy=median(mine / copy for mine, copy in zip(seconds, copy_seconds, strict=True)),
        measured_rows=None if measured == rows else measured,
        comment=comment,
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
