"""Database queries for dead letters: FAILED reports with an error that another attempt may not have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row

from resma.jobs import transitions
from resma.jobs.claim import MAX_ATTEMPTS
from resma.jobs.report_rows import ReportCursor, find_report
from resma.request_errors import DeadLetterNotFoundError
from resma.shards.transitions import retry_unfinished


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """Report that was dead-lettered. `redrives` is the number of times that it had been redriven before."""

    tenant_id: str
    report_id: UUID
    type: str
    title: str | None
    formats: list[str]
    attempt: int
    redrives: int
    created_at: datetime
    dead_lettered_at: datetime
    error_code: str
    error_detail: str


@dataclass(frozen=True, kw_only=True)
class Redrive:
    """One redrive of a dead letter, with the error that the report had failed with."""

    redrive: int
    redriven_at: datetime
    redriven_by: str
    reason: str | None
    attempt: int
    error_code: str | None
    error_detail: str | None


_COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in DeadLetter.__dataclass_fields__)
_REDRIVE_COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in Redrive.__dataclass_fields__)


def list_dead_letters(
    connection: Connection[TupleRow], tenant_id: str | None, after: ReportCursor | None, limit: int
) -> list[DeadLetter]:
    """Returns up to `limit` dead letters, of a tenant or of all, newest request first, after a position in the list."""
    with connection.cursor(row_factory=class_row(DeadLetter)) as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT {} FROM resma.reports WHERE dead_lettered_at IS NOT NULL"
                " AND (%(tenant_id)s::text IS NULL OR tenant_id = %(tenant_id)s)"
                " AND (%(at)s::timestamptz IS NULL OR (created_at, report_id) < (%(at)s, %(report_id)s))"
                " ORDER BY created_at DESC, report_id DESC LIMIT %(limit)s"
            ).format(_COLUMNS),
            {
                "tenant_id": tenant_id,
                "at": after and after.created_at,
                "report_id": after and after.report_id,
                "limit": limit,
            },
        )
        return cursor.fetchall()


def find_dead_letter(
    connection: Connection[TupleRow], tenant_id: str, report_id: UUID
) -> tuple[DeadLetter, list[Redrive]]:
    """Returns a dead letter and its redrives so far, oldest first.

    Raises ReportNotFoundError, and DeadLetterNotFoundError for a report that is not dead-lettered.
    """
    with connection.cursor(row_factory=class_row(DeadLetter)) as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT {} FROM resma.reports WHERE tenant_id = %s AND report_id = %s AND dead_lettered_at IS NOT NULL"
            ).format(_COLUMNS),
            (tenant_id, report_id),
        )
        letter = cursor.fetchone()
    if letter is None:
        raise _no_dead_letter(connection, tenant_id, report_id)
    with connection.cursor(row_factory=class_row(Redrive)) as cursor:
        cursor.execute(
            sql.SQL("SELECT {} FROM resma.redrives WHERE tenant_id = %s AND report_id = %s ORDER BY redrive").format(
                _REDRIVE_COLUMNS
            ),
            (tenant_id, report_id),
        )
        return letter, cursor.fetchall()


def redrive(
    connection: Connection[TupleRow], tenant_id: str, report_id: UUID, redriven_by: str, reason: str | None
) -> None:
    """Changes a dead letter from FAILED to PENDING with a full set of attempts, and adds its job to the outbox.

    The shards of a split report that are not DONE are attempted again too.

    Raises ReportNotFoundError, and DeadLetterNotFoundError for a report that is not dead-lettered, or was already
    redriven.
    """
    redriven = transitions.redrive(connection, tenant_id, report_id, MAX_ATTEMPTS, redriven_by, reason)
    if not redriven:
        raise _no_dead_letter(connection, tenant_id, report_id)
    retry_unfinished(connection, redriven, MAX_ATTEMPTS)


def redrive_all(
    connection: Connection[TupleRow], tenant_id: str | None, redriven_by: str, reason: str | None
) -> list[tuple[str, UUID]]:
    """Redrives all dead letters of a tenant, or of all tenants. Returns their tenants and report ids."""
    redriven = transitions.redrive(connection, tenant_id, None, MAX_ATTEMPTS, redriven_by, reason)
    retry_unfinished(connection, redriven, MAX_ATTEMPTS)
    return redriven


def _no_dead_letter(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> DeadLetterNotFoundError:
    report = find_report(connection, tenant_id, report_id)
    if report.status == "FAILED":
        return DeadLetterNotFoundError(
            "The report failed with a permanent error, so another attempt would fail in the same way. Fix the cause "
            "that its error names, then request the report again."
        )
    return DeadLetterNotFoundError(f"The report is {report.status}. Only dead-lettered reports can be redriven.")
