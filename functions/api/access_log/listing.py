"""Lists the access log of a report: GET /api/v1/reports/{id}/access."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from api.access_log.models import AccessEntryView, AccessLog
from api.access_log.rows import AccessEntry, EntryCursor, list_entries
from api.http.cursor import cursor_invalid, next_page, read_microseconds, write_microseconds
from api.http.page_size import fitting
from resma.access.caller import Caller, address_for, hide_emails, subject_for
from resma.database.connection import Database
from resma.jobs.deletion import find_deletion
from resma.jobs.report_rows import find_report
from resma.webhooks.url import hide_query

ACCESS_CURSOR_PATTERN = r"^[0-9]{1,16}\.[a-z]{1,10}:[0-9a-z:_.\-]{1,200}$"
"""Pattern of a cursor: microseconds since 1970 and the id of an entry."""


@dataclass(frozen=True)
class AccessQuery:
    """Position and size of a page."""

    limit: int
    cursor: str | None


def show_access(database: Database, caller: Caller, report_id: UUID, query: AccessQuery, base_url: str) -> AccessLog:
    """Returns a page of the access log of a report, also of a deleted one, as the caller may see it.

    Raises ReportNotFoundError, and RequestInvalidError for an invalid cursor.
    """
    after = _read_cursor(query.cursor) if query.cursor is not None else None
    with database.transaction(caller.tenant_id) as connection:
        if find_deletion(connection, caller.tenant_id, report_id) is None:
            find_report(connection, caller.tenant_id, report_id)
        # One more shows whether a next page exists.
        entries = list_entries(connection, caller.tenant_id, report_id, after, query.limit + 1)
    items = fitting([_show(entry, caller) for entry in entries[: query.limit]])
    following = None
    if len(entries) > len(items):
        last = entries[len(items) - 1]
        url = f"{base_url}/api/v1/reports/{report_id}/access"
        following = next_page(url, {"limit": query.limit}, f"{write_microseconds(last.occurred_at)}.{last.entry_id}")
    return AccessLog(items=items, next=following)


def _show(entry: AccessEntry, caller: Caller) -> AccessEntryView:
    return AccessEntryView.model_validate(
        {
            **vars(entry),
            "subject": entry.subject and subject_for(caller, entry.subject),
            "ip_address": address_for(caller, entry.ip_address),
            "recipient": hide_emails(caller, entry.recipient),
            "detail": hide_emails(caller, entry.detail),
            "url": entry.url and hide_query(entry.url),
        }
    )


def _read_cursor(cursor: str) -> EntryCursor:
    if re.fullmatch(ACCESS_CURSOR_PATTERN, cursor, re.ASCII) is None:
        raise cursor_invalid()
    timestamp, entry_id = cursor.split(".", 1)
    return EntryCursor(read_microseconds(timestamp), entry_id)
