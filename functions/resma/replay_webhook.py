"""A webhook again, under the same id, because somebody asked for it."""

from __future__ import annotations

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.errors import WebhookDeliveryUnderWay, WebhookEndpointDisabled
from resma.webhook_deliveries import find_delivery
from resma.webhook_secrets import CALLBACK


def replay_delivery(
    connection: Connection[TupleRow], tenant_id: str, event_id: str, endpoint_id: str, asked: tuple[str, str | None]
) -> None:
    """Makes a delivery due now, with all its attempts and pauses before it again; `asked` says by whom, from where.

    Raises WebhookDeliveryNotFound; WebhookEndpointDisabled, also where it is deleted; WebhookDeliveryUnderWay.
    """
    key = (tenant_id, event_id, endpoint_id)
    find_delivery(connection, *key)
    # The endpoint before its delivery: whoever disables or deletes it waits, and then finds this among those to end.
    _require_enabled(connection, tenant_id, endpoint_id)
    connection.execute(
        "SELECT 1 FROM resma.webhook_deliveries WHERE tenant_id = %s AND event_id = %s AND endpoint_id = %s FOR UPDATE",
        key,
    )
    under_way = connection.execute(
        "SELECT 1 FROM resma.webhook_attempts WHERE tenant_id = %s AND event_id = %s AND endpoint_id = %s"
        " AND milliseconds IS NULL AND started_at > clock_timestamp() - interval '1 minute'",
        key,
    ).fetchone()
    if under_way is not None:
        raise WebhookDeliveryUnderWay("an attempt is being made at this moment: ask again when it is on record")
    connection.execute(
        "UPDATE resma.webhook_deliveries SET status = 'PENDING', ended_reason = NULL, delivered_at = NULL,"
        " next_attempt_at = clock_timestamp(), attempts_before = attempts"
        " WHERE tenant_id = %s AND event_id = %s AND endpoint_id = %s",
        key,
    )
    connection.execute(
        "INSERT INTO resma.webhook_replays (tenant_id, event_id, endpoint_id, asked_by, asked_from)"
        " VALUES (%s, %s, %s, %s, %s)",
        (*key, *asked),
    )


def _require_enabled(connection: Connection[TupleRow], tenant_id: str, endpoint_id: str) -> None:
    if endpoint_id == CALLBACK:
        return
    enabled = connection.execute(
        "SELECT 1 FROM resma.webhook_endpoints WHERE tenant_id = %s AND endpoint_id = %s AND disabled_at IS NULL"
        " FOR SHARE",
        (tenant_id, endpoint_id),
    ).fetchone()
    if enabled is None:
        raise WebhookEndpointDisabled("the endpoint is disabled or deleted: enable it first (PATCH, enabled: true)")
