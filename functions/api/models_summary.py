"""What the API says of a report's data before its file is fetched, as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from api.models import BalanceView, TotalView
from resma.wire import ViewModel


class SeriesView(ViewModel):
    """One line, colour or panel of a chart."""

    name: str = Field(description="A currency, where the unit is `amount`: amounts of two currencies share no axis.")
    values: list[str] = Field(
        description="Numbers as text, so that no digit is lost; one for each label. Also NaN, Infinity."
    )


class ChartView(ViewModel):
    """A chart's data, as the files show it."""

    title: str
    kind: Literal["time", "bars", "share"] = Field(
        description="`time`: months in order, or years where there are many. `bars`: categories, the largest first. "
        "`share`: parts of a whole."
    )
    unit: Literal["amount", "rows"]
    labels: list[str] = Field(
        description="Where there are too many categories, the last one is the sum of the others: `Other (12)`."
    )
    series: list[SeriesView]
    series_left_out: int = Field(default=0, description="How many smaller series are not shown.")


class SummaryView(ViewModel):
    """What a report's snapshot holds: the same that its files add up to."""

    as_of: datetime
    rows: int
    totals: list[TotalView]
    balance: BalanceView | None
    charts: list[ChartView]
