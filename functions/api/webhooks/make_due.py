"""Makes webhook deliveries due again, with the same event id."""

from __future__ import annotations

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.request_errors import (
    WebhookDeliveryInProgressError,
    WebhookEndpointDisabledError,
    WebhookEndpointReadOnlyError,
    WebhookEventMissingError,
)
from resma.webhooks.deliveries import find_delivery
from resma.webhooks.endpoints import find_endpoint
from resma.webhooks.signing_secrets import CALLBACK


def replay_delivery(
    connection: Connection[TupleRow], tenant_id: str, event_id: str, endpoint_id: str, requester: tuple[str, str | None]
) -> None:
    """Makes a delivery due now, with a full set of attempts, and records the subject and IP address of the requester.

    Raises WebhookDeliveryNotFoundError; WebhookEndpointDisabledError, also if the endpoint was deleted;
    WebhookDeliveryInProgressError.
    """
    key = (tenant_id, event_id, endpoint_id)
    find_delivery(connection, *key)
    # The endpoint is locked before its delivery, so that a transaction that disables or deletes it waits, and then also
    # ends this delivery.
    _require_enabled(connection, tenant_id, endpoint_id)
    connection.execute(
        "SELECT 1 FROM resma.webhook_deliveries WHERE tenant_id = %s AND event_id = %s AND endpoint_id = %s FOR UPDATE",
        key,
    )
    attempt_in_progress = connection.execute(
        "SELECT 1 FROM resma.webhook_attempts WHERE tenant_id = %s AND event_id = %s AND endpoint_id = %s"
        " AND milliseconds IS NULL AND started_at > clock_timestamp() - interval '1 minute'",
        key,
    ).fetchone()
    if attempt_in_progress is not None:
        raise WebhookDeliveryInProgressError("An attempt is in progress. Try again when it has been recorded.")
    connection.execute(
        "UPDATE resma.webhook_deliveries SET status = 'PENDING', ended_reason = NULL, delivered_at = NULL,"
        " next_attempt_at = clock_timestamp(), attempts_before = attempts"
        " WHERE tenant_id = %s AND event_id = %s AND endpoint_id = %s",
        key,
    )
    connection.execute(
        "INSERT INTO resma.webhook_replays (tenant_id, event_id, endpoint_id, requested_by, requested_from)"
        " VALUES (%s, %s, %s, %s, %s)",
        (*key, *requester),
    )


def add_latest_event(connection: Connection[TupleRow], tenant_id: str, endpoint_id: str) -> str:
    """Adds a delivery of the tenant's latest event to this endpoint, unless it exists. Returns the id of the event.

    Safe to call twice. Raises WebhookEndpointReadOnlyError, WebhookEndpointNotFoundError, WebhookEndpointDisabledError,
    WebhookEventMissingError.
    """
    if endpoint_id == CALLBACK:
        raise WebhookEndpointReadOnlyError(
            "The endpoint `callback` has no URL of its own. Request a report with `callbackUrl` instead."
        )
    find_endpoint(connection, tenant_id, endpoint_id)
    _require_enabled(connection, tenant_id, endpoint_id)
    latest = connection.execute(
        "SELECT e.event_id, r.report_id FROM resma.reports AS r JOIN resma.events AS e USING (tenant_id, report_id)"
        " WHERE r.tenant_id = %s ORDER BY r.created_at DESC, e.created_at DESC LIMIT 1",
        (tenant_id,),
    ).fetchone()
    if latest is None:
        raise WebhookEventMissingError("There is no event to send yet. Generate a report first.")
    event_id, report_id = latest
    connection.execute(
        "INSERT INTO resma.webhook_deliveries (tenant_id, event_id, endpoint_id, report_id, url, next_attempt_at)"
        " SELECT tenant_id, %s, endpoint_id, %s, url, clock_timestamp() FROM resma.webhook_endpoints"
        " WHERE tenant_id = %s AND endpoint_id = %s ON CONFLICT DO NOTHING",
        (event_id, report_id, tenant_id, endpoint_id),
    )
    return str(event_id)


def _require_enabled(connection: Connection[TupleRow], tenant_id: str, endpoint_id: str) -> None:
    if endpoint_id == CALLBACK:
        return
    enabled = connection.execute(
        "SELECT 1 FROM resma.webhook_endpoints WHERE tenant_id = %s AND endpoint_id = %s AND disabled_at IS NULL"
        " FOR SHARE",
        (tenant_id, endpoint_id),
    ).fetchone()
    if enabled is None:
        raise WebhookEndpointDisabledError(
            "The endpoint is disabled or deleted. Enable it first: PATCH with `enabled` true."
        )
