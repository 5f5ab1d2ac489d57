"""Converts charts to the form in which a report's row stores them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from resma.jobs.stored_charts import StoredChart, store_charts
from resma.report.content import ReportContent
from resma.report.header import Chart

CONTENT = ReportContent(
    type="ACCOUNT_STATEMENT",  # has one chart
    formats=["CSV"],
    filters={},
    columns=None,
    locale="en-US",
    time_zone="UTC",
    title=None,
    personal_masked=True,
    options={},
)


def store(given: Chart, **content: Any) -> StoredChart:
    (stored,) = store_charts(replace(CONTENT, **content), [given])
    return stored
