"""GET /api/v1/reports/{id}/summary: what a report's snapshot holds, from when it is counted."""

from __future__ import annotations

from uuid import UUID

from api.models_summary import SummaryView
from resma.caller import Caller
from resma.database import Database
from resma.report_summary import find_summary, visible_charts


def show_summary(database: Database, caller: Caller, report_id: UUID) -> SummaryView:
    """Returns count, totals and charts. Raises ReportNotFound, ReportNotCounted, ReportHasNoSummary."""
    with database.transaction(caller.tenant_id) as connection:
        summary = find_summary(connection, caller.tenant_id, report_id)
    return SummaryView.model_validate(
        {
            "as_of": summary.as_of,
            "rows": summary.rows_expected,
            "totals": summary.totals or [],
            "balance": summary.balance,
            "charts": [
                {name: value for name, value in chart.items() if name != "by"}
                for chart in visible_charts(summary, caller)
            ],
        }
    )
