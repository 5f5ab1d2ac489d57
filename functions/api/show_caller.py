"""GET /api/v1/me: who a caller is."""

from __future__ import annotations

from api.models import CallerView
from resma.caller import Caller
from resma.database import Database
from resma.reports import tenant_name


def show_caller(database: Database, caller: Caller) -> CallerView:
    """Returns what this deployment knows of a caller."""
    with database.transaction(caller.tenant_id) as connection:
        name = tenant_name(connection, caller.tenant_id)
    return CallerView(
        tenant_id=caller.tenant_id, tenant_name=name, subject=caller.subject, scopes=sorted(caller.scopes)
    )
