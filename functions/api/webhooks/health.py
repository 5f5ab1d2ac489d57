"""Health of webhook endpoints, which is the result of the last attempt at each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

RECENT_DELIVERIES = 20
"""Number of the newest deliveries of an endpoint that are searched for its last attempt."""


@dataclass(frozen=True, kw_only=True)
class LastAttempt:
    """Attempt at an endpoint that ended last. It succeeded if the status code is 200 to 299."""

    endpoint_id: str
    started_at: datetime
    status_code: int | None
    error: str | None

    @property
    def is_success(self) -> bool:
        """Whether the endpoint accepted the event."""
        return self.status_code is not None and 200 <= self.status_code <= 299


def last_attempts(connection: Connection[TupleRow], tenant_id: str, endpoint_ids: list[str]) -> dict[str, LastAttempt]:
    """Returns the last finished attempt by endpoint; endpoints without one are omitted."""
    with connection.cursor(row_factory=class_row(LastAttempt)) as cursor:
        cursor.execute(
            """
            SELECT wanted.endpoint_id, attempt.started_at, attempt.status_code, attempt.error
            FROM unnest(%(endpoint_ids)s::text[]) AS wanted (endpoint_id)
            CROSS JOIN LATERAL (
                SELECT a.started_at, a.status_code, a.error
                FROM (
                    SELECT d.event_id FROM resma.webhook_deliveries AS d
                    WHERE d.tenant_id = %(tenant_id)s AND d.endpoint_id = wanted.endpoint_id
                    ORDER BY d.created_at DESC, d.event_id DESC LIMIT %(recent)s
                ) AS recent
                JOIN resma.webhook_attempts AS a
                  ON a.tenant_id = %(tenant_id)s AND a.event_id = recent.event_id
                 AND a.endpoint_id = wanted.endpoint_id
                WHERE a.milliseconds IS NOT NULL
                ORDER BY a.started_at DESC LIMIT 1
            ) AS attempt
            """,
            {"endpoint_ids": endpoint_ids, "tenant_id": tenant_id, "recent": RECENT_DELIVERIES},
        )
        return {attempt.endpoint_id: attempt for attempt in cursor}
