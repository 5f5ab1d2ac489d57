"""What is known of a report before its first row is written: the same snapshot's count, totals and charts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from resma.i18n.locales import DEFAULT_LOCALE, Locale
from resma.report.decimal_types import DEFAULT_DECIMAL, DecimalType

Kind = Literal["text", "integer", "amount", "date", "timestamp", "json"]
"""What a column holds. `amount` is any exact number, `timestamp` a moment (timestamptz)."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of this report, in the language of its readers."""

    name: str
    """The catalog's name, the same in every language: headings of formats for programs."""
    heading: str
    """What people read above it."""
    kind: Kind = "text"
    width: float = 1.0
    """Share of the page's width, in formats that have pages."""
    align: Literal["left", "right"] = "left"
    wrap: bool = False
    """Whether a cell that is too long for its column goes on below, in formats that have pages."""
    grouped: bool = False
    """Whether people read thousands apart (`1,234`)."""
    scale: int = 0
    """Of an amount: most digits after the decimal mark that any row of the snapshot has, or the catalog asks for.
    For people: it changes from report to report."""
    decimal: DecimalType = DEFAULT_DECIMAL
    """Of an amount: its type in formats that have types, the same in every report."""
    max_bytes: int | None = None
    """Bytes of the longest cell of a text or JSON column; None where it was not measured."""


@dataclass(frozen=True, slots=True)
class Total:
    """Rows and amount of one currency. `currency` is an ISO 4217 code, or whatever the column holds."""

    currency: str
    rows: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Series:
    """One line, color or panel of a chart: as many values as the chart has labels (0 where there is none)."""

    name: str
    values: tuple[Decimal, ...]
    other: Decimal = Decimal(0)
    """Sum of the categories that are not among the chart's labels."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart's data, already summed by the database; of bounded size, whatever the rows hold.

    kind `time`: labels are months `YYYY-MM` in order, one panel or line a series.
    kind `bars`: labels are categories, in the order of their rank in the series where they rank highest.
    kind `share`: parts of a whole, one series or one per currency.
    unit `amount`: values are money, each series named by its currency; `rows`: values are counts.
    """

    title: str
    kind: Literal["time", "bars", "share"]
    unit: Literal["amount", "rows"]
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    """The largest by rows, in this order."""
    labels_omitted: int = 0
    """How many smaller categories there are. Their sum is in each series' `other`."""
    series_omitted: int = 0
    """How many smaller series there are. No value holds them."""


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of rows: those of one day, month or year of the period column, in the order of the file."""

    label: str | None
    """`2024-03-09`, `2024-03` or `2024`; None for the rows without a date, which come last."""
    rows: int
    """Of all currencies."""
    totals: tuple[Total, ...]
    """The largest by rows."""
    totals_omitted: int = 0
    """How many more currencies the period has."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account held before the first row and after the last, as Postgres prints numbers."""

    opening: str
    closing: str


@dataclass(frozen=True, slots=True)
class ReportHeader:
    """Everything a writer may print that is not a row. `rows` is exact: the snapshot cannot change."""

    report_id: str
    title: str
    organization: str
    filters: tuple[tuple[str, str], ...]
    """Pairs of label and value, for people, in the order of the catalog."""
    as_of: datetime
    """When the snapshot was taken, in UTC."""
    rows: int
    totals: tuple[Total, ...]
    """The largest by rows, at most `MAX_FILE_TOTALS` (compose_header.py)."""
    charts: tuple[Chart, ...]
    columns: tuple[Column, ...]
    """As requested: a row has these cells, in this order."""
    periods: tuple[Period, ...] = ()
    """The whole file, cut by the period column; empty where the report type has none. Their rows add up to `rows`."""
    subtotals: bool = False
    """Whether each period ends with a line that adds it up, in formats for people."""
    balance: Balance | None = None
    locale: Locale = DEFAULT_LOCALE
    time_zone: str = "UTC"
    """IANA name: timestamps are printed in it."""
    total_column: int | None = None
    """Which of the columns holds the amount that `totals` add up; None where it is not in this report."""
    orientation: Literal["landscape", "portrait"] = "landscape"
    """How the report type wants its pages, where the request does not say."""
    totals_omitted: int = 0
    """How many more currencies there are than `totals` has."""
