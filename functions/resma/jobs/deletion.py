"""Deletion of a report or of its files.

If a report is deleted, a record of who deleted it replaces the row and all rows that refer to it.

The record contains nothing of the request or the data. The scheduler removes the files (`scheduler/remove_files.py`,
and `scheduler/sweep_leftovers.py` if the report remains).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row

from resma.access.caller import Caller
from resma.jobs import transitions
from resma.jobs.holds import no_files, require_not_held
from resma.jobs.report_rows import find_report
from resma.report.format_options import FormatOptions
from resma.report.status import IS_LIVE
from resma.request_errors import ReportInProgressError
from resma.writers import file_extension

SETTLED_SECONDS = 1200
"""Time after a report's end when no worker can write to the store any more: Lambda ends workers after 15 minutes."""


@dataclass(frozen=True, kw_only=True)
class Deletion:
    """The record of a deleted report. Times are in UTC."""

    report_id: UUID
    type: str
    created_at: datetime
    deleted_at: datetime
    deleted_by: str
    """`subject` of the caller."""
    files_removed_at: datetime | None
    """None until all files are removed from the object store."""


_COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in Deletion.__dataclass_fields__)


def delete_report(connection: Connection[TupleRow], caller: Caller, report_id: UUID) -> tuple[Deletion, bool]:
    """Deletes a report that has ended. Returns its deletion record and whether this call deleted it.

    Its events, webhook deliveries, idempotency keys and redrives are deleted too, so pending deliveries are not sent.
    Safe to call twice. Raises ReportNotFoundError, ReportInProgressError for a report that is PENDING or GENERATING,
    and ReportHeldError.
    """
    row = connection.execute(
        f"""
        DELETE FROM resma.reports
        WHERE tenant_id = %s AND report_id = %s AND NOT {IS_LIVE} AND NOT (held OR objects_held)
        RETURNING type, status, created_at, attempt, formats, options, encrypt_for,
            -- A single worker had the job, and finished it: no other one can still write to the store.
            finished_at + make_interval(secs => CASE WHEN status IN ('READY', 'EXPIRED', 'SKIPPED')
                                                          AND attempt = 1 AND (split_by IS NULL OR status = 'SKIPPED')
                                                          THEN 0
                                                     ELSE %s END)
        """,
        (caller.tenant_id, report_id, SETTLED_SECONDS),
    ).fetchone()
    if row is None:
        return _find_earlier(connection, caller.tenant_id, report_id), False
    *copied, attempts, formats, options, encrypt_for, settled_at = row
    read_options, is_sealed = FormatOptions.model_validate(options), bool(encrypt_for)
    extensions = sorted({file_extension(format_, read_options, is_sealed=is_sealed) for format_ in formats})
    with connection.cursor(row_factory=class_row(Deletion)) as cursor:
        cursor.execute(
            sql.SQL(
                "INSERT INTO resma.deleted_reports (tenant_id, report_id, type, status, created_at, attempts,"
                " extensions, settled_at, deleted_by, deleted_from)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING {}"
            ).format(_COLUMNS),
            (
                caller.tenant_id,
                report_id,
                *copied,
                attempts,
                extensions,
                settled_at,
                caller.subject,
                caller.address,
            ),
        )
        deletion = cursor.fetchone()
    assert deletion is not None  # it was just inserted
    return deletion, True


def delete_files(connection: Connection[TupleRow], caller: Caller, report_id: UUID) -> bool:
    """READY -> EXPIRED: deletes the files of a report, and keeps its record. Returns whether this call did.

    Safe to call twice. Raises ReportNotFoundError, ReportHeldError, and ReportNotReadyError or ReportHasNoFileError for
    a report that has no files.
    """
    while not transitions.delete_files(connection, caller.tenant_id, report_id, caller.subject, caller.address):
        report = find_report(connection, caller.tenant_id, report_id)
        require_not_held(report)
        if report.status == "EXPIRED":
            return False
        if report.status != "READY":  # otherwise its hold has just been released
            raise no_files(report)
    return True


def find_deletion(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> Deletion | None:
    """Returns the deletion record of a report; None if it was not deleted."""
    with connection.cursor(row_factory=class_row(Deletion)) as cursor:
        cursor.execute(
            sql.SQL("SELECT {} FROM resma.deleted_reports WHERE tenant_id = %s AND report_id = %s").format(_COLUMNS),
            (tenant_id, report_id),
        )
        return cursor.fetchone()


def _find_earlier(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> Deletion:
    if (deletion := find_deletion(connection, tenant_id, report_id)) is not None:
        return deletion
    report = find_report(connection, tenant_id, report_id)
    require_not_held(report)
    cancel = f"POST /api/v1/reports/{report_id}/cancel"
    raise ReportInProgressError(
        f"The report is {report.status}. Cancel it first ({cancel}), or wait until it has ended."
    )
