"""Warnings about the data of a report's snapshot."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from resma.report.header import Total
from resma.report.summary import Summary
from resma.snapshot.summary_warnings import summary_warnings


def summary(rows: int, *amounts: str) -> Summary:
    """Returns the summary of a snapshot with these rows and totals."""
    return Summary(
        as_of=datetime(2026, 3, 9, tzinfo=UTC),
        rows=rows,
        totals=tuple(Total("EUR", 1, (Decimal(amount),)) for amount in amounts),
        charts=(),
        periods=(),
        balance=None,
        scales={},
    )


def test_reports_with_rows_have_no_warning() -> None:
    assert summary_warnings(summary(1, "1.50"), ["account"]) == ()


def test_reports_without_rows_have_a_warning_with_their_filters() -> None:
    (warning,) = summary_warnings(summary(0), ["from", "account"])
    assert warning.as_json() == {
        "code": "no-rows",
        "detail": "The report has no rows: no row matches the filters `account`, `from`. Check their values.",
    }
    (warning,) = summary_warnings(summary(0), [])
    assert "no data for this tenant" in warning.detail


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity"])
def test_a_total_that_is_not_finite_has_a_warning(amount: str) -> None:
    (warning,) = summary_warnings(summary(3, "1.50", amount), [])
    assert warning.code == "totals-not-finite"
