"""Warnings about what a report's snapshot holds."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from resma.report.header import Total
from resma.report.summary import Summary
from resma.snapshot.summary_warnings import summary_warnings


def summary(rows: int, *amounts: str) -> Summary:
    """A snapshot with so many rows and these totals."""
    return Summary(
        as_of=datetime(2026, 3, 9, tzinfo=UTC),
        rows=rows,
        totals=tuple(Total("EUR", 1, Decimal(amount)) for amount in amounts),
        charts=(),
        periods=(),
        balance=None,
        scales={},
    )


def test_a_report_with_rows_has_none() -> None:
    assert summary_warnings(summary(1, "1.50"), ["account"]) == ()


def test_a_report_without_rows_names_its_filters() -> None:
    (warning,) = summary_warnings(summary(0), ["from", "account"])
    assert warning.as_json() == {
        "code": "no-rows",
        "detail": "The report has no rows: no row matches the filters `account`, `from`. Check their values.",
    }
    (warning,) = summary_warnings(summary(0), [])
    assert "no data for this tenant" in warning.detail


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity"])
def test_a_total_that_is_no_number_is_named(amount: str) -> None:
    (warning,) = summary_warnings(summary(3, "1.50", amount), [])
    assert warning.code == "totals-not-finite"
