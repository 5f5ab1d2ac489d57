"""By which names people know who asked for reports."""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.jobs.report_rows import Report


def name_requesters(connection: Connection[TupleRow], tenant_id: str, reports: Iterable[Report]) -> dict[str, str]:
    """Returns the names of who asked for reports, by `requested_by`."""
    asked = {report.requested_by for report in reports if report.requested_by is not None}
    return name_subjects(connection, tenant_id, asked)


def name_subjects(connection: Connection[TupleRow], tenant_id: str, subjects: Iterable[str]) -> dict[str, str]:
    """Returns the names that keys and schedules have now, by `key:` or `schedule:` and an id; one query for all.

    Who has no name, or is not there any more, is left out.
    """
    ids: dict[str, list[str]] = {"key": [], "schedule": []}
    for kind, _, name in (subject.partition(":") for subject in set(subjects)):
        ids.get(kind, []).append(name)
    if not any(ids.values()):
        return {}
    found = connection.execute(
        """
        SELECT 'key:' || key_id, name FROM resma.api_keys WHERE tenant_id = %(tenant_id)s AND key_id = ANY (%(key)s)
        UNION ALL
        SELECT 'schedule:' || schedule_id, name FROM resma.schedules
        WHERE tenant_id = %(tenant_id)s AND schedule_id = ANY (%(schedule)s)
        """,
        {"tenant_id": tenant_id, **ids},
    ).fetchall()
    return dict(found)
