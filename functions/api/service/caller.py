"""Shows the caller: GET /api/v1/me."""

from __future__ import annotations

from api.auth.subject_names import name_subjects
from api.service.models import CallerView
from resma.access.caller import Caller
from resma.catalog import organization_of
from resma.database.connection import Database
from resma.jobs.report_rows import tenant_name


def show_caller(database: Database, caller: Caller) -> CallerView:
    """Returns the JSON model of a caller."""
    with database.transaction(caller.tenant_id) as connection:
        tenant = organization_of(tenant_name(connection, caller.tenant_id))
        names = name_subjects(connection, caller.tenant_id, [caller.subject])
    return CallerView(
        tenant_id=caller.tenant_id,
        tenant_name=tenant,
        subject=caller.subject,
        name=names.get(caller.subject),
        scopes=sorted(caller.scopes),
    )
