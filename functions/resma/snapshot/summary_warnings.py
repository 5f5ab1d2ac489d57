"""Warnings about the data of a report's snapshot, which apply to all formats."""

from __future__ import annotations

from collections.abc import Collection

from resma.report.summary import Summary
from resma.report.warnings import ReportWarning


def summary_warnings(summary: Summary, filters: Collection[str]) -> tuple[ReportWarning, ...]:
    """Returns the warnings of a report; `filters` has the names of the filters that are set."""
    if not summary.rows:
        return (_no_rows(filters),)
    if any(not amount.is_finite() for total in summary.totals for amount in total.amounts):
        return (
            ReportWarning(
                code="totals-not-finite",
                detail="Some amounts are NaN or infinite, and so are the totals that include them. Charts show such a "
                "value as 0. Correct the data, or filter these rows out.",
            ),
        )
    return ()


def _no_rows(filters: Collection[str]) -> ReportWarning:
    """Returns the warning of a report without rows, which may be correct or caused by a wrong value of a filter.

    The warning does not contain values of filters, because they may be personal.
    """
    names = ", ".join(f"`{name}`" for name in sorted(filters))
    cause = f"no row matches the filters {names}. Check their values" if names else "there is no data for this tenant"
    return ReportWarning(code="no-rows", detail=f"The report has no rows: {cause}.")
