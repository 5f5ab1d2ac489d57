"""Report data that is known before the first row is written: row count, totals and charts of the same snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from resma.i18n.locales import DEFAULT_LOCALE, Locale
from resma.report.brand import Brand
from resma.report.control_totals import ControlTotal
from resma.report.decimal_types import DEFAULT_DECIMAL, DecimalType
from resma.report.format_options import CsvDialect, PdfParts
from resma.report.pdf_key import PdfKey

NO_BRAND = Brand()
DEFAULT_DIALECT = CsvDialect()
ALL_PARTS = PdfParts()

Kind = Literal[
    "text",
    "integer",
    "amount",
    "float",
    "boolean",
    "date",
    "timestamp",
    "local_timestamp",
    "time",
    "interval",
    "uuid",
    "binary",
    "json",
]
"""Data type of a column (kinds.py has the types of Postgres). `amount` is any exact number (numeric), `float` an
inexact one, `timestamp` an instant (timestamptz), `local_timestamp` a date and time without a time zone, which is never
shifted, `json` also any array, row or hstore, and `text` every other type."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a report, in the language of the report."""

    name: str
    """Name in the catalog, the same in every language. It is the heading in formats for programs."""
    heading: str
    """Translated heading, for formats that people read."""
    kind: Kind = "text"
    width: float = 1.0
    """Relative width of the column, in formats that have pages."""
    align: Literal["left", "right"] = "left"
    wrap: bool = False
    """Whether a cell that is too long for its column wraps onto further lines."""
    grouped: bool = False
    """Whether thousands are separated (`1,234`), in formats that people read."""
    scale: int = 0
    """Number of decimals of an amount to display: the maximum over all rows of the snapshot and the catalog's minimum.

    It differs from report to report, so that only formats that people read use it.
    """
    decimal: DecimalType = DEFAULT_DECIMAL
    """Type of an amount in formats that have types, the same in every report."""
    max_bytes: int | None = None
    """Length of the longest cell of a column of kind text, json or binary, in bytes; None if it was not measured."""


@dataclass(frozen=True, slots=True)
class Total:
    """Row count and total amounts of one currency, or of all rows if the report type has no currency column."""

    currency: str | None
    """ISO 4217 code, or another value of the currency column. None if amounts have no currency."""
    rows: int
    amounts: tuple[Decimal, ...]
    """One amount for each column that is added up, in the order of the report type."""


@dataclass(frozen=True, slots=True)
class TotalColumn:
    """A column that totals add up."""

    name: str
    """Name in the catalog."""
    heading: str
    """Translated heading."""
    index: int | None = None
    """Index in the columns of the report; None if the report does not show the column."""


@dataclass(frozen=True, slots=True)
class Series:
    """One data series of a chart, with one value for each label of the chart (0 if there are no rows)."""

    name: str
    values: tuple[Decimal, ...]
    other: Decimal = Decimal(0)
    """Sum of the categories that the chart's labels omit."""


@dataclass(frozen=True, slots=True)
class Chart:
    """Data of a chart, aggregated by the database. Its size is bounded, whatever the rows contain.

    kind `time`: labels are months `YYYY-MM` in chronological order, with one panel or line for each series.
    kind `bars`: labels are categories, ordered by their best rank in any series.
    kind `share`: labels are parts of a whole, with one series, or one series for each currency.
    unit `amount`: values are sums of amounts, and each series is named after its currency, or after the column of the
    amount if there are no currencies; `rows`: values are counts.
    """

    title: str
    kind: Literal["time", "bars", "share"]
    unit: Literal["amount", "rows"]
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    """Series with the most rows, in descending order."""
    labels_omitted: int = 0
    """Number of smaller categories that are omitted. Their sum is in `other` of each series."""
    series_omitted: int = 0
    """Number of smaller series that are omitted. No value includes them."""


@dataclass(frozen=True, slots=True)
class Period:
    """Consecutive rows of one day, month or year of the period column."""

    label: str | None
    """`2024-03-09`, `2024-03` or `2024`; None for rows without a date, which come last."""
    rows: int
    """Number of rows of all currencies."""
    totals: tuple[Total, ...]
    """Totals of the currencies with the most rows."""
    totals_omitted: int = 0
    """Number of further currencies of the period."""


@dataclass(frozen=True, slots=True)
class Balance:
    """Balance of an account before the first row and after the last, as Postgres prints numbers."""

    opening: str
    closing: str


@dataclass(frozen=True, slots=True)
class ReportHeader:
    """All data of a report except its rows. `rows` is exact, because the snapshot cannot change."""

    report_id: str
    title: str
    organization: str
    filters: tuple[tuple[str, str], ...]
    """Pairs of translated label and value, in the order of the catalog."""
    as_of: datetime
    """Time of the snapshot, in UTC."""
    rows: int
    totals: tuple[Total, ...]
    """Totals of the currencies with the most rows, at most `MAX_FILE_TOTALS` (snapshot/compose_header.py)."""
    charts: tuple[Chart, ...]
    columns: tuple[Column, ...]
    """Requested columns, in the order of the cells of a row."""
    periods: tuple[Period, ...] = ()
    """All rows grouped by the period column; empty if the report type has none. Their row counts add up to `rows`."""
    subtotals: bool = False
    """Whether each period ends with a line of subtotals, in formats that people read."""
    balance: Balance | None = None
    locale: Locale = DEFAULT_LOCALE
    time_zone: str = "UTC"
    """IANA name of the time zone in which timestamps are printed."""
    total_columns: tuple[TotalColumn, ...] = ()
    """The columns whose amounts `totals` and subtotals add up; empty if rows are only counted."""
    has_currencies: bool = True
    """Whether totals are grouped by a currency column. False if they are one total of all rows."""
    orientation: Literal["landscape", "portrait"] = "landscape"
    """Page orientation of the report type, used unless the request sets one."""
    totals_omitted: int = 0
    """Number of currencies that are not in `totals`."""
    control_totals: tuple[ControlTotal, ...] | None = None
    """Control totals, which agree with the totals, at most as many as `totals`. None if there is no control query."""
    brand: Brand = NO_BRAND
    """Colors, footer, legal notice and logo of the organization."""
    csv: CsvDialect = DEFAULT_DIALECT
    """Dialect of CSV files, for options that the request does not set."""
    pdf: PdfParts = ALL_PARTS
    """Parts of PDF files, for options that the request does not set."""
    pdf_key: PdfKey | None = None
    """Key that PDF files are encrypted with; None if they are not encrypted."""
