"""POST /api/v1/dead-letters/redrive, or one of them: given up reports get as many attempts again."""

from __future__ import annotations

from uuid import UUID

from resma.caller import Caller
from resma.database import Database
from resma.dead_letters import redrive, redrive_all
from resma.dispatch import dispatch_next
from resma.job_queue import Queue
from resma.quotas import require_room
from resma.reports import Report, find_report


def redrive_dead_letter(
    database: Database, queue: Queue, caller: Caller, report_id: UUID, reason: str | None
) -> Report:
    """Returns the report, PENDING again. Raises ReportNotFound, QuotaExceeded, NoDeadLetter for one not given up."""
    with database.transaction(caller.tenant_id) as connection:
        redrive(connection, caller.tenant_id, report_id, caller.subject, reason)
        require_room(connection, caller.tenant_id)
        report = find_report(connection, caller.tenant_id, report_id)
    dispatch_next(database, queue, caller.tenant_id)
    return report


def redrive_dead_letters(database: Database, queue: Queue, caller: Caller, reason: str | None) -> int:
    """Redrives all of the tenant's, or none; returns how many. Raises QuotaExceeded."""
    with database.transaction(caller.tenant_id) as connection:
        redriven = redrive_all(connection, caller.tenant_id, caller.subject, reason)
        require_room(connection, caller.tenant_id)
    dispatch_next(database, queue, caller.tenant_id)
    return len(redriven)
