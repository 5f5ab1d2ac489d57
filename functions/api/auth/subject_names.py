"""Display names of the callers that requested reports."""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.jobs.report_rows import Report


def name_requesters(connection: Connection[TupleRow], tenant_id: str, reports: Iterable[Report]) -> dict[str, str]:
    """Returns the names of the callers that requested these reports, by `requested_by`."""
    subjects = {report.requested_by for report in reports if report.requested_by is not None}
    return name_subjects(connection, tenant_id, subjects)


def name_subjects(connection: Connection[TupleRow], tenant_id: str, subjects: Iterable[str]) -> dict[str, str]:
    """Returns the current names of keys and schedules by subject (`key:` or `schedule:` and an id), with one query.

    Subjects that have no name, or were deleted, are omitted.
    """
    ids: dict[str, list[str]] = {"key": [], "schedule": []}
    for kind, _, name in (subject.partition(":") for subject in set(subjects)):
        ids.get(kind, []).append(name)
    if not any(ids.values()):
        return {}
    rows = connection.execute(
        """
        SELECT 'key:' || key_id, name FROM resma.api_keys WHERE tenant_id = %(tenant_id)s AND key_id = ANY (%(key)s)
        UNION ALL
        SELECT 'schedule:' || schedule_id, name FROM resma.schedules
        WHERE tenant_id = %(tenant_id)s AND schedule_id = ANY (%(schedule)s)
        """,
        {"tenant_id": tenant_id, **ids},
    ).fetchall()
    return dict(rows)
