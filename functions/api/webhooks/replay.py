"""Replays webhook deliveries, and sends the latest event to an endpoint as a test."""

from __future__ import annotations

from api.webhooks.make_due import add_latest_event
from api.webhooks.make_due import replay_delivery as make_due
from resma.access.caller import Caller
from resma.database.connection import Database
from resma.webhooks.deliveries import DeliveryRecord, find_delivery


def replay_delivery(database: Database, caller: Caller, event_id: str, endpoint_id: str) -> DeliveryRecord:
    """Makes a delivery due now, whatever its status, and records the caller. The scheduler sends it within a minute.

    Raises WebhookDeliveryNotFoundError, WebhookEndpointDisabledError and WebhookDeliveryInProgressError.
    """
    requester = (caller.subject, caller.address)
    with database.transaction(caller.tenant_id) as connection:
        make_due(connection, caller.tenant_id, event_id, endpoint_id, requester)
        return find_delivery(connection, caller.tenant_id, event_id, endpoint_id)


def send_latest_event(database: Database, caller: Caller, endpoint_id: str) -> DeliveryRecord:
    """Makes the latest event of the tenant due at an endpoint, as a test, and records the caller as for a replay.

    Raises WebhookEndpointReadOnlyError for the endpoint `callback`, which has no URL; WebhookEndpointNotFoundError,
    WebhookEndpointDisabledError, WebhookEventMissingError, WebhookDeliveryInProgressError.
    """
    with database.transaction(caller.tenant_id) as connection:
        event_id = add_latest_event(connection, caller.tenant_id, endpoint_id)
        make_due(connection, caller.tenant_id, event_id, endpoint_id, (caller.subject, caller.address))
        return find_delivery(connection, caller.tenant_id, event_id, endpoint_id)
