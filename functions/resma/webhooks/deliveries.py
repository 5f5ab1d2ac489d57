"""The rows of `resma.webhook_deliveries`, with their attempts and replays.

The webhook function makes the attempts.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from resma.request_errors import WebhookDeliveryNotFoundError
from resma.webhooks.signing_secrets import CALLBACK


def insert_deliveries(connection: Connection[TupleRow], tenant_id: str, event_id: str) -> None:
    """Inserts the deliveries of an event: to the callback of its request, and to each enabled endpoint that matches.

    Call it in the transaction that inserts the event, so that both exist or neither.
    """
    # The event triggers the first attempt. If it does not arrive, a scheduler run makes the attempt after 30 seconds.
    # FOR SHARE: a transaction that disables or deletes an endpoint waits, and then ends this delivery too.
    connection.execute(
        """
        WITH ended AS (
            SELECT e.tenant_id, e.event_id, e.type AS event, r.report_id, r.type AS report_type, r.callback_url
            FROM resma.events AS e JOIN resma.reports AS r USING (tenant_id, report_id)
            WHERE e.tenant_id = %(tenant_id)s AND e.event_id = %(event_id)s
        ), matching AS (
            SELECT p.endpoint_id, p.url FROM resma.webhook_endpoints AS p, ended
            WHERE p.tenant_id = ended.tenant_id AND p.url IS NOT NULL AND p.disabled_at IS NULL
              AND (p.events IS NULL OR ended.event = ANY (p.events))
              AND (p.report_types IS NULL OR ended.report_type = ANY (p.report_types))
            FOR SHARE OF p
        )
        INSERT INTO resma.webhook_deliveries (tenant_id, event_id, endpoint_id, report_id, url, next_attempt_at)
        SELECT ended.tenant_id, ended.event_id, receiver.endpoint_id, ended.report_id, receiver.url,
               clock_timestamp() + interval '30 seconds'
        FROM ended, (
            SELECT %(callback)s AS endpoint_id, callback_url AS url FROM ended WHERE callback_url IS NOT NULL
            UNION ALL SELECT endpoint_id, url FROM matching
        ) AS receiver
        """,
        {"tenant_id": tenant_id, "event_id": event_id, "callback": CALLBACK},
    )


def end_deliveries(
    connection: Connection[TupleRow],
    tenant_id: str,
    endpoint_id: str,
    reason: Literal["endpoint-disabled", "endpoint-deleted"],
) -> None:
    """Ends pending deliveries to an endpoint. Call it after changing the endpoint's row, in the same transaction."""
    connection.execute(
        "UPDATE resma.webhook_deliveries SET status = 'FAILED', ended_reason = %s"
        " WHERE tenant_id = %s AND endpoint_id = %s AND status = 'PENDING'",
        (reason, tenant_id, endpoint_id),
    )


@dataclass(frozen=True, kw_only=True)
class DeliveryRow:
    """One row of `resma.webhook_deliveries`, with the type of its event."""

    event_id: str
    endpoint_id: str
    event: str
    report_id: UUID
    url: str
    status: str
    ended_reason: str | None
    created_at: datetime
    next_attempt_at: datetime
    delivered_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt. Without status code and error it is in progress, or its function crashed."""

    event_id: str
    endpoint_id: str
    attempt: int
    started_at: datetime
    url: str
    status_code: int | None
    error: str | None
    milliseconds: int | None


@dataclass(frozen=True, kw_only=True)
class Replay:
    """A replay of a delivery: who requested it, and from which IP address."""

    event_id: str
    endpoint_id: str
    requested_at: datetime
    requested_by: str
    requested_from: str | None


@dataclass(frozen=True)
class DeliveryRecord:
    """A delivery with its attempts and replays, in the order of time."""

    delivery: DeliveryRow
    attempts: list[Attempt]
    replays: list[Replay]


_SELECT = """
    SELECT d.event_id, d.endpoint_id, e.type AS event, d.report_id, d.url, d.status, d.ended_reason,
           d.created_at, d.next_attempt_at, d.delivered_at
    FROM resma.webhook_deliveries AS d JOIN resma.events AS e USING (tenant_id, event_id)
    WHERE d.tenant_id = %(tenant_id)s AND"""


def list_report_deliveries(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> list[DeliveryRecord]:
    """Returns all deliveries of a report's events, grouped by event."""
    condition = "e.report_id = %(report_id)s ORDER BY d.created_at, d.event_id, d.endpoint_id"
    return _select(connection, tenant_id, condition, report_id=report_id)


@dataclass(frozen=True)
class DeliveryCursor:
    """Position in the list of an endpoint's deliveries: the last delivery of the previous page."""

    created_at: datetime
    event_id: str


def list_endpoint_deliveries(  # noqa: PLR0913, PLR0917  # filters and the position of the page
    connection: Connection[TupleRow],
    tenant_id: str,
    endpoint_id: str,
    status: str | None,
    after: DeliveryCursor | None,
    limit: int,
) -> list[DeliveryRecord]:
    """Returns up to `limit` of an endpoint's deliveries after a cursor, newest first."""
    condition = (
        "d.endpoint_id = %(endpoint_id)s"
        + (" AND d.status = %(status)s" if status else "")
        + (" AND (d.created_at, d.event_id) < (%(created_at)s, %(event_id)s)" if after else "")
        + " ORDER BY d.created_at DESC, d.event_id DESC LIMIT %(limit)s"
    )
    return _select(
        connection,
        tenant_id,
        condition,
        endpoint_id=endpoint_id,
        status=status,
        created_at=after and after.created_at,
        event_id=after and after.event_id,
        limit=limit,
    )


def find_delivery(connection: Connection[TupleRow], tenant_id: str, event_id: str, endpoint_id: str) -> DeliveryRecord:
    """Returns one delivery. Raises WebhookDeliveryNotFoundError, also for another tenant's delivery."""
    records = _select(
        connection,
        tenant_id,
        "d.event_id = %(event_id)s AND d.endpoint_id = %(endpoint_id)s",
        event_id=event_id,
        endpoint_id=endpoint_id,
    )
    if not records:
        raise WebhookDeliveryNotFoundError(
            "The delivery does not exist. GET /api/v1/reports/{id}/deliveries lists the deliveries of a report."
        )
    return records[0]


def _select(connection: Connection[TupleRow], tenant_id: str, condition: str, **values: object) -> list[DeliveryRecord]:
    with connection.cursor(row_factory=class_row(DeliveryRow)) as cursor:
        cursor.execute(f"{_SELECT} {condition}".encode(), {**values, "tenant_id": tenant_id})
        rows = cursor.fetchall()
    events = (tenant_id, [delivery.event_id for delivery in rows])
    attempts = defaultdict(list)
    with connection.cursor(row_factory=class_row(Attempt)) as cursor:
        cursor.execute(
            "SELECT event_id, endpoint_id, attempt, started_at, url, status_code, error, milliseconds"
            " FROM resma.webhook_attempts WHERE tenant_id = %s AND event_id = ANY (%s) ORDER BY attempt",
            events,
        )
        for attempt in cursor:
            attempts[attempt.event_id, attempt.endpoint_id].append(attempt)
    replays = defaultdict(list)
    with connection.cursor(row_factory=class_row(Replay)) as cursor:
        cursor.execute(
            "SELECT event_id, endpoint_id, requested_at, requested_by, requested_from"
            " FROM resma.webhook_replays WHERE tenant_id = %s AND event_id = ANY (%s) ORDER BY requested_at",
            events,
        )
        for replay in cursor:
            replays[replay.event_id, replay.endpoint_id].append(replay)
    return [
        DeliveryRecord(each, attempts[each.event_id, each.endpoint_id], replays[each.event_id, each.endpoint_id])
        for each in rows
    ]
