"""Shows a report with its position in the queue: GET /api/v1/reports/{id}."""

from __future__ import annotations

from uuid import UUID

from api.auth.subject_names import name_requesters
from api.reports.models import ReportView
from api.reports.progress import find_queue
from api.reports.split_progress import count_splits
from api.reports.view import show_report
from resma.access.caller import Caller
from resma.database.connection import Database
from resma.jobs.report_rows import find_report


def find_status(database: Database, caller: Caller, report_id: UUID, base_url: str) -> ReportView:
    """Returns the view of one report. Raises ReportNotFoundError."""
    tenant_id = caller.tenant_id
    with database.transaction(tenant_id) as connection:
        report = find_report(connection, tenant_id, report_id)
        names = name_requesters(connection, tenant_id, [report])
        splits = count_splits(connection, tenant_id, [report])
        is_waiting = report.status == "PENDING"
        queue = find_queue(connection, tenant_id, report.type, report.formats, report) if is_waiting else None
    return show_report(report, base_url, caller, queue=queue, names=names, splits=splits)
