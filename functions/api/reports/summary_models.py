"""JSON models of the summary of a report."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from api.reports.models import BalanceView, ControlTotals, TotalView
from resma.json_models import URI, ViewModel


class SeriesView(ViewModel):
    """One series of a chart."""

    model_config = ConfigDict(title="ChartSeries")

    name: str = Field(
        description="Name of the series. If the unit is `amount` it is a currency, because currencies never share an "
        "axis, or the heading of the amount if the report has no currencies."
    )
    values: list[str] = Field(
        description="One value for each label, as a decimal string so that no digit is lost. It can be `NaN` or "
        "`Infinity`."
    )


class ChartView(ViewModel):
    """Data of a chart, as in the files."""

    title: str = Field(description="Title in the language of the report.")
    kind: Literal["time", "bars", "share"] = Field(
        description="`time`: months in order, or years for a long period. `bars`: categories, the largest first. "
        "`share`: parts of a whole."
    )
    unit: Literal["amount", "rows"] = Field(description="What the values are: sums of amounts, or numbers of rows.")
    labels: list[str] = Field(
        description="Labels of the categories. If there are too many, the last one is the sum of the others: "
        "`Other (12)`."
    )
    series: list[SeriesView] = Field(description="Series of the chart, the largest first.")
    series_omitted: int = Field(default=0, description="Number of smaller series that are not shown.")


class SummaryView(ViewModel):
    """Row count, totals and charts of a report's snapshot, which agree with its files."""

    model_config = ConfigDict(title="ReportSummary")

    as_of: datetime = Field(description="Timestamp of the database snapshot.")
    rows: int = Field(description="Number of rows.")
    totals: list[TotalView] = Field(description="Totals by currency of this page, the largest by rows first.")
    totals_omitted: int = Field(
        default=0, description="Number of currencies that are on no page: at most the 10,000 largest are kept."
    )
    next: str | None = Field(
        default=None, description="URL of the page with the next totals; null on the last page.", json_schema_extra=URI
    )
    balance: BalanceView | None = Field(description="Opening and closing balance of an account statement.")
    control_totals: ControlTotals = None
    charts: list[ChartView] = Field(description="Charts of the report.")
