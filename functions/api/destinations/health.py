"""Health of destinations, which is the result of the last attempt at each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

RECENT_DELIVERIES = 20
"""Number of the newest deliveries to a destination that are searched for its last attempt."""


@dataclass(frozen=True, kw_only=True)
class LastAttempt:
    """Attempt at a destination that ended last."""

    destination_id: str
    started_at: datetime
    outcome: str
    error_code: str | None
    error_detail: str | None


def last_attempts(
    connection: Connection[TupleRow], tenant_id: str, destination_ids: list[str]
) -> dict[str, LastAttempt]:
    """Returns the last finished attempt by destination; destinations without one are omitted."""
    with connection.cursor(row_factory=class_row(LastAttempt)) as cursor:
        cursor.execute(
            """
            SELECT wanted.destination_id, last.started_at, last.outcome, last.error_code, last.error_detail
            FROM unnest(%(destination_ids)s::text[]) AS wanted (destination_id)
            CROSS JOIN LATERAL (
                SELECT a.started_at, a.outcome, a.error_code, a.error_detail
                FROM (
                    SELECT d.delivery_id FROM resma.file_deliveries AS d
                    WHERE d.tenant_id = %(tenant_id)s AND d.destination_id = wanted.destination_id
                    ORDER BY d.created_at DESC, d.delivery_id DESC LIMIT %(recent)s
                ) AS recent
                JOIN resma.file_delivery_attempts AS a
                  ON a.tenant_id = %(tenant_id)s AND a.delivery_id = recent.delivery_id
                WHERE a.outcome IS NOT NULL
                ORDER BY a.started_at DESC LIMIT 1
            ) AS last
            """,
            {"destination_ids": destination_ids, "tenant_id": tenant_id, "recent": RECENT_DELIVERIES},
        )
        return {attempt.destination_id: attempt for attempt in cursor}
