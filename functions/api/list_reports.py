"""GET /api/v1/reports: pages by a cursor, so that new reports don't shift them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic.alias_generators import to_camel

from api.cursor import next_page, read_cursor, write_cursor
from api.models import ReportList
from api.moments import read_moment
from api.show_report import show_report
from resma.database import Database
from resma.reports import Place
from resma.reports import list_reports as select_reports
from resma.requesters import name_requesters


@dataclass(frozen=True)
class ListQuery:
    """What a caller asked for; None is all."""

    status: str | None
    type: str | None
    format: str | None
    created_after: str | None
    created_before: str | None
    limit: int
    cursor: str | None

    def parameters(self) -> dict[str, object]:
        """By the names that they have in an address."""
        return {to_camel(name): value for name, value in vars(self).items()}


def list_reports(database: Database, tenant_id: str, query: ListQuery, base_url: str) -> ReportList:
    """Returns a page of the tenant's reports. Raises RequestInvalid for a cursor that is not ours, or no moment."""
    wanted: dict[str, str | datetime | None] = {"status": query.status, "type": query.type, "format": query.format}
    for name in ("created_after", "created_before"):
        text = getattr(query, name)
        wanted[name] = None if text is None else read_moment(text, to_camel(name))
    with database.transaction(tenant_id) as connection:
        found = select_reports(
            connection,
            tenant_id,
            wanted,
            after=read_cursor(query.cursor) if query.cursor is not None else None,
            limit=query.limit + 1,  # one more tells whether a next page exists
        )
        names = name_requesters(connection, tenant_id, found)
    page = found[: query.limit]
    following = None
    if len(found) > query.limit:
        last = page[-1]
        place = write_cursor(Place(last.created_at, last.report_id))
        following = next_page(f"{base_url}/api/v1/reports", query.parameters(), place)
    return ReportList(items=[show_report(report, base_url, names=names) for report in page], next=following)
