"""Shows the summary of a report's snapshot: GET /api/v1/reports/{id}/summary."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from api.http.cursor import next_page, read_offset
from api.reports.find_summary import find_summary, translated_charts
from api.reports.summary_models import SummaryView
from resma.access.caller import Caller
from resma.database.connection import Database


@dataclass(frozen=True)
class SummaryQuery:
    """Page of totals to show, and the locale of charts. None: the locale of the report."""

    limit: int
    cursor: str | None
    locale: str | None


def show_summary(
    database: Database, caller: Caller, report_id: UUID, query: SummaryQuery, base_url: str
) -> SummaryView:
    """Returns the row count, the charts and a page of the totals.

    Raises ReportNotFoundError, SummaryNotReadyError, ReportHasNoSummaryError, and RequestInvalidError for an invalid
    cursor.
    """
    start, limit = read_offset(query.cursor) if query.cursor is not None else 0, query.limit
    with database.transaction(caller.tenant_id) as connection:
        summary = find_summary(connection, caller.tenant_id, report_id)
    further = summary.further_totals or []
    totals = [*(summary.totals or []), *further]
    following = None
    if start + limit < len(totals):
        url = f"{base_url}/api/v1/reports/{report_id}/summary"
        following = next_page(url, {"limit": limit, "locale": query.locale}, str(start + limit))
    return SummaryView.model_validate(
        {
            "as_of": summary.as_of,
            "rows": summary.rows_expected,
            "totals": totals[start : start + limit],
            "totals_omitted": summary.totals_omitted - len(further),
            "next": following,
            "balance": summary.balance,
            "control_totals": summary.control_totals,
            "charts": [
                {name: value for name, value in chart.items() if name != "by"}
                for chart in translated_charts(summary, caller, query.locale)
            ],
        }
    )
