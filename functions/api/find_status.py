"""GET /api/v1/reports/{id}: a report, and while it waits what stands before it."""

from __future__ import annotations

from uuid import UUID

from api.models import ReportView
from api.show_report import show_report
from resma.database import Database
from resma.progress import find_queue
from resma.reports import find_report
from resma.requesters import name_requesters


def find_status(database: Database, tenant_id: str, report_id: UUID, base_url: str) -> ReportView:
    """Returns the view of one report. Raises ReportNotFound."""
    with database.transaction(tenant_id) as connection:
        report = find_report(connection, tenant_id, report_id)
        names = name_requesters(connection, tenant_id, [report])
        is_waiting = report.status == "PENDING"
        queue = find_queue(connection, tenant_id, report.type, report.formats, report) if is_waiting else None
    return show_report(report, base_url, queue=queue, names=names)
