"""Lists reports: GET /api/v1/reports. Pages are positioned by cursors, so that new reports do not shift them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic.alias_generators import to_camel

from api.auth.subject_names import name_requesters
from api.http.cursor import next_page, read_cursor, write_cursor
from api.http.page_size import fitting
from api.http.timestamps import read_timestamp
from api.reports.models import ReportList
from api.reports.split_progress import count_splits
from api.reports.view import show_report
from resma.access.caller import Caller, is_personal_subject, require_scope
from resma.database.connection import Database
from resma.jobs.report_rows import ReportCursor
from resma.jobs.report_rows import list_reports as select_reports


@dataclass(frozen=True)
class ListQuery:
    """Filters and position of a page. A filter that is None is not applied."""

    status: str | None
    type: str | None
    format: str | None
    created_after: str | None
    created_before: str | None
    id_prefix: str | None
    requested_by: str | None
    search: str | None
    limit: int
    cursor: str | None

    def parameters(self) -> dict[str, object]:
        """Returns the query parameters by their names in a URL."""
        return {to_camel(name): value for name, value in vars(self).items()}


def list_reports(database: Database, caller: Caller, query: ListQuery, base_url: str) -> ReportList:
    """Returns a page of the tenant's reports. It has fewer than `limit` if more would not fit into a response.

    Raises RequestInvalidError for an invalid cursor or timestamp, and ScopeMissingError for a search by the subject of
    another caller's token without the scope `personal:read`: subjects could be guessed by searching.
    """
    if query.requested_by is not None and is_personal_subject(caller, query.requested_by):
        require_scope(caller, "personal:read")
    tenant_id = caller.tenant_id
    filters: dict[str, str | datetime | None] = {"status": query.status, "type": query.type, "format": query.format}
    filters["id_prefix"] = query.id_prefix
    filters["search"] = query.search
    filters["requested_by"] = caller.subject if query.requested_by == "me" else query.requested_by
    for name in ("created_after", "created_before"):
        text = getattr(query, name)
        filters[name] = None if text is None else read_timestamp(text, to_camel(name))
    with database.transaction(tenant_id) as connection:
        reports = select_reports(
            connection,
            tenant_id,
            filters,
            after=read_cursor(query.cursor) if query.cursor is not None else None,
            limit=query.limit + 1,  # one more shows whether a next page exists
        )
        names = name_requesters(connection, tenant_id, reports)
        splits = count_splits(connection, tenant_id, reports)
    shown = reports[: query.limit]
    items = fitting([show_report(report, base_url, caller, names=names, splits=splits) for report in shown])
    following = None
    if len(reports) > len(items):
        last = reports[len(items) - 1]
        next_cursor = write_cursor(ReportCursor(last.created_at, last.report_id))
        following = next_page(f"{base_url}/api/v1/reports", query.parameters(), next_cursor)
    return ReportList(items=items, next=following)
