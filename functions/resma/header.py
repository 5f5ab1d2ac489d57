"""What is known of a report before its first row is written: the same snapshot's count, totals and charts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from resma.catalogue import Column


@dataclass(frozen=True, slots=True)
class Total:
    """Rows and amount of one currency. `currency` is an ISO 4217 code, or whatever the column holds."""

    currency: str
    rows: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Series:
    """One line, colour or panel of a chart: as many values as the chart has labels (0 where there is none)."""

    name: str
    values: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart's data, already summed by the database.

    kind `time`: labels are months `YYYY-MM` in order, one panel or line a series.
    kind `bars`: labels are categories, largest first.
    kind `share`: parts of a whole, one series.
    unit `amount`: values are money, each series named by its currency; `rows`: values are counts.
    """

    title: str
    kind: Literal["time", "bars", "share"]
    unit: Literal["amount", "rows"]
    labels: tuple[str, ...]
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class ReportHeader:
    """Everything a writer may print that is not a row. `rows` is exact: the snapshot cannot change."""

    report_id: str
    title: str
    organisation: str
    filters: tuple[tuple[str, str], ...]
    """Pairs of label and value, for people, in the order of the catalogue."""
    as_of: datetime
    """When the snapshot was taken, in UTC."""
    rows: int
    totals: tuple[Total, ...]
    charts: tuple[Chart, ...]
    columns: tuple[Column, ...]
    period_column: int | None
    """Index of the column by whose month a long file is divided (outline entries), or None."""
