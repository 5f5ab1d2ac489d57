"""What was measured: runs of one thing become a result, and results become the rows of bench.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

Group = Literal["COPY", "CSV", "NDJSON", "PDF", "XLSX", "PARQUET", "SYSTEM"]


@dataclass(frozen=True, slots=True)
class Run:
    """One measurement in a process of its own: seconds of the clock, and the most memory it held meanwhile, in MB."""

    rows: int
    seconds: float
    peak_rss_mb: float


@dataclass(frozen=True, slots=True)
class Result:
    """The runs of one thing together. `seconds` is the quickest run's, as other programs can only slow one down."""

    name: str
    group: Group
    rows: int
    """What `seconds` are for."""
    seconds: float | None = None
    """None where it could not be measured; `note` then says why, and what to do."""
    median_seconds: float | None = None
    peak_rss_mb: float | None = None
    """The largest of the runs', never scaled: a writer that holds everything needs more for more rows."""
    ratio_to_copy: float | None = None
    """To the quickest COPY of the same rounds."""
    median_ratio_to_copy: float | None = None
    """The median of each round's own ratio."""
    measured_rows: int | None = None
    """Where `seconds` are scaled: the rows of the runs that they are scaled from."""
    note: str = ""

    @property
    def rows_per_second(self) -> int | None:
        """None where a row is not what is counted."""
        return round(self.rows / self.seconds) if self.rows and self.seconds else None

    @property
    def is_ours(self) -> bool:
        """Whether it is Resma, and not a peer."""
        return self.name.startswith("resma ")

    def as_json(self) -> dict[str, Any]:
        """A row of bench.json. `scaled` rows were measured on `measured_rows` and multiplied."""
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
            "measured_rows": self.rows if self.measured_rows is None else self.measured_rows,
            "note": self.note,
        }


def combine(name: str, group: Group, runs: Sequence[Run], copies: Sequence[Run], rows: int, note: str = "") -> Result:
    """Makes a result of the runs of as many rounds, each of which began with a COPY of all `rows`.

    Runs of fewer rows are scaled in proportion. That favours whatever takes more than twice as long for twice as
    many rows. Raises ValueError where there are no runs, or runs of no rows.
    """
    if not runs or not copies or not all(run.rows for run in [*runs, *copies]):
        raise ValueError(f"{name}: nothing was measured")
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
        note=note,
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
