"""Legal holds: nothing of a held report is deleted until the hold is released.

`resma.reports.held` stops the statements that end a report or delete it, and constraints of the database reject any
other one (migration 0031). The history of holds is kept after its report. The scheduler applies a hold to the objects
of the report (`scheduler/hold_objects.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row

from resma.access.caller import Caller
from resma.jobs.report_rows import Report, find_report
from resma.report.status import LIVE
from resma.request_errors import ReportExpiredError, ReportHasNoFileError, ReportHeldError, ReportNotReadyError

MAX_REASON = 500
"""Maximum number of characters of the reason of a hold."""


@dataclass(frozen=True, kw_only=True)
class Hold:
    """A hold of a report in its history. Times are in UTC."""

    reason: str
    placed_at: datetime
    placed_by: str
    """`subject` of the caller."""
    released_at: datetime | None
    """None for the hold that the report has."""
    released_by: str | None


_COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in Hold.__dataclass_fields__)


def set_hold(connection: Connection[TupleRow], caller: Caller, report_id: UUID, reason: str) -> bool:
    """Places a hold on a READY report. Returns whether this call did; False if it has a hold for this reason.

    A hold for another reason is replaced, which the history shows. Raises ReportNotFoundError, and the errors of a
    report that has no files: ReportNotReadyError, ReportHasNoFileError, ReportExpiredError.
    """
    values = {"tenant_id": caller.tenant_id, "report_id": report_id}
    held = connection.execute(
        "UPDATE resma.reports SET held = true, hold_due = true, hold_cursor = NULL"
        " WHERE tenant_id = %(tenant_id)s AND report_id = %(report_id)s AND status = 'READY' RETURNING report_id",
        values,
    ).fetchone()
    if held is None:
        raise no_files(find_report(connection, caller.tenant_id, report_id))
    before = connection.execute(
        "SELECT reason FROM resma.holds WHERE tenant_id = %(tenant_id)s AND held_report_id = %(report_id)s", values
    ).fetchone()
    if before is not None and before[0] == reason:
        return False
    _record_release(connection, caller, report_id)
    connection.execute(
        "INSERT INTO resma.holds (tenant_id, report_id, reason, placed_by, placed_from) VALUES (%s, %s, %s, %s, %s)",
        (caller.tenant_id, report_id, reason, caller.subject, caller.address),
    )
    return True


def release_hold(connection: Connection[TupleRow], caller: Caller, report_id: UUID) -> bool:
    """Releases the hold of a report. Returns whether this call did; False if it has none. Raises ReportNotFoundError.

    If its retention period is over, the scheduler then deletes its files.
    """
    released = connection.execute(
        "UPDATE resma.reports SET held = false, hold_due = objects_held, hold_cursor = NULL"
        " WHERE tenant_id = %s AND report_id = %s AND held RETURNING report_id",
        (caller.tenant_id, report_id),
    ).fetchone()
    if released is None:
        find_report(connection, caller.tenant_id, report_id)
        return False
    _record_release(connection, caller, report_id)
    return True


def list_holds(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> list[Hold]:
    """Returns the history of a report's holds, latest first, at most 200. Raises ReportNotFoundError."""
    find_report(connection, tenant_id, report_id)
    with connection.cursor(row_factory=class_row(Hold)) as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT {} FROM resma.holds WHERE tenant_id = %s AND report_id = %s"
                " ORDER BY placed_at DESC, hold_id LIMIT 200"
            ).format(_COLUMNS),
            (tenant_id, report_id),
        )
        return cursor.fetchall()


def require_not_held(report: Report) -> None:
    """Raises ReportHeldError if nothing of the report may be deleted now."""
    if report.held:
        raise ReportHeldError(
            "The report has a legal hold, so that nothing of it can be deleted. Release the hold first "
            f"(DELETE /api/v1/reports/{report.report_id}/hold)."
        )
    if report.objects_held:
        raise ReportHeldError(
            "The hold of the report was released, and is being removed from its files in the object store. Try again "
            "in a minute."
        )


def no_files(report: Report) -> ReportNotReadyError | ReportHasNoFileError | ReportExpiredError:
    """Returns the error for a report that is not READY, so that it has no files to hold or to delete."""
    if report.status in LIVE:
        return ReportNotReadyError(f"The report is {report.status}, and has no files before it is READY.")
    if report.status == "EXPIRED":
        return ReportExpiredError("The files of this report have been deleted.")
    return ReportHasNoFileError(f"The report is {report.status}. Only a READY report has files.")


def _record_release(connection: Connection[TupleRow], caller: Caller, report_id: UUID) -> None:
    connection.execute(
        "UPDATE resma.holds SET released_at = clock_timestamp(), released_by = %s, released_from = %s"
        " WHERE tenant_id = %s AND held_report_id = %s",
        (caller.subject, caller.address, caller.tenant_id, report_id),
    )
