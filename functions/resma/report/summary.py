"""What a snapshot holds, before its first row is read: counts, totals, charts and periods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from resma.report.header import Balance, Chart, Period, Total


@dataclass(frozen=True)
class Summary:
    """What the snapshot holds."""

    as_of: datetime
    rows: int
    totals: tuple[Total, ...]
    """The largest by rows, at most `MAX_TOTALS`."""
    charts: tuple[Chart, ...]
    periods: tuple[Period, ...]
    balance: Balance | None
    scales: Mapping[str, int]
    """Of each column of kind amount: the most digits after the decimal mark."""
    totals_omitted: int = 0
    """How many more currencies there are."""
    widths: Mapping[str, int] | None = None
    """Of each column of kind text or json: the bytes of its longest cell. None where nobody has measured them."""
    checksum: str = ""
    """Of all groups that the totals, charts and periods are made of, those that are left out included."""
