"""Lists and shows dead letters: GET /api/v1/dead-letters and GET /api/v1/dead-letters/{id}."""

from __future__ import annotations

from uuid import UUID

from api.dead_letters.models import DeadLetterDetails, DeadLetterList, DeadLetterView, RedriveView
from api.dead_letters.rows import DeadLetter, Redrive, find_dead_letter
from api.dead_letters.rows import list_dead_letters as select_dead_letters
from api.http.cursor import next_page, read_cursor, write_cursor
from api.http.page_size import fitting
from api.reports.models import ErrorView
from resma.access.caller import Caller, subject_for
from resma.database.connection import Database
from resma.jobs.report_rows import ReportCursor


def list_dead_letters(
    database: Database, tenant_id: str, limit: int, cursor: str | None, base_url: str
) -> DeadLetterList:
    """Returns a page of the tenant's dead letters. Raises RequestInvalidError for an invalid cursor."""
    after = read_cursor(cursor) if cursor is not None else None
    with database.transaction(tenant_id) as connection:
        letters = select_dead_letters(
            connection, tenant_id, after, limit + 1
        )  # one more shows whether a next page exists
    items = fitting([DeadLetterView.model_validate(_show(letter, base_url)) for letter in letters[:limit]])
    following = None
    if len(letters) > len(items):
        next_cursor = write_cursor(ReportCursor(items[-1].created_at, items[-1].report_id))
        following = next_page(f"{base_url}/api/v1/dead-letters", {"limit": limit}, next_cursor)
    return DeadLetterList(items=items, next=following)


def show_dead_letter(database: Database, caller: Caller, report_id: UUID, base_url: str) -> DeadLetterDetails:
    """Returns one dead letter and its redrives so far, as the caller may see them.

    Raises ReportNotFoundError, DeadLetterNotFoundError.
    """
    with database.transaction(caller.tenant_id) as connection:
        letter, redrives = find_dead_letter(connection, caller.tenant_id, report_id)
    history = [_show_redrive(item, caller) for item in redrives]
    return DeadLetterDetails.model_validate({**_show(letter, base_url), "history": history})


def _show(letter: DeadLetter, base_url: str) -> dict[str, object]:
    return {
        "report_id": letter.report_id,
        "type": letter.type,
        "title": letter.title,
        "formats": letter.formats,
        "attempts": letter.attempt,
        "redrives": letter.redrives,
        "created_at": letter.created_at,
        "dead_lettered_at": letter.dead_lettered_at,
        "error": ErrorView(code=letter.error_code, detail=letter.error_detail),
        "report": f"{base_url}/api/v1/reports/{letter.report_id}",
    }


def _show_redrive(item: Redrive, caller: Caller) -> RedriveView:
    return RedriveView(
        redrive=item.redrive,
        redriven_at=item.redriven_at,
        redriven_by=subject_for(caller, item.redriven_by),
        reason=item.reason,
        attempts=item.attempt,
        error=ErrorView(code=item.error_code or "internal", detail=item.error_detail or ""),
    )
