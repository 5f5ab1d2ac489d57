"""Summary of a snapshot, computed before its first row is read: counts, totals, charts and periods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from resma.report.control_totals import ControlTotal
from resma.report.header import Balance, Chart, Period, Total


@dataclass(frozen=True)
class Summary:
    """Summary of all rows of a snapshot."""

    as_of: datetime
    rows: int
    totals: tuple[Total, ...]
    """Totals of the currencies with the most rows, at most `MAX_TOTALS` (snapshot/summary_query.py)."""
    charts: tuple[Chart, ...]
    periods: tuple[Period, ...]
    balance: Balance | None
    scales: Mapping[str, int]
    """Maximum number of decimals of each column of kind amount, by column name."""
    totals_omitted: int = 0
    """Number of currencies that are not in `totals`."""
    widths: Mapping[str, int] | None = None
    """Length in bytes of the longest cell of each column of kind text or json; None if it was not measured."""
    control_totals: tuple[ControlTotal, ...] | None = None
    """Control totals, which agree with the totals. None if the report has no control query, or its filters exclude it.
    """
    checksum: str = ""
    """Checksum of all groups from which totals, charts and periods are computed, including omitted groups."""
