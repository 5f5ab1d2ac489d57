"""POST /api/v1/webhook-deliveries/{event}/{endpoint}/replay: the same webhook again, under the same id."""

from __future__ import annotations

from api.webhooks.make_due import owe_latest_event
from api.webhooks.make_due import replay_delivery as make_due
from resma.access.caller import Caller
from resma.database.connection import Database
from resma.webhooks.deliveries import DeliveryRecord, find_delivery


def replay_delivery(database: Database, caller: Caller, event_id: str, endpoint_id: str) -> DeliveryRecord:
    """Makes a delivery due now, whatever became of it; the tick sends it within a minute. Who asked is on record.

    Raises WebhookDeliveryNotFoundError, WebhookEndpointDisabledError and WebhookDeliveryInProgressError.
    """
    asked = (caller.subject, caller.address)
    with database.transaction(caller.tenant_id) as connection:
        make_due(connection, caller.tenant_id, event_id, endpoint_id, asked)
        return find_delivery(connection, caller.tenant_id, event_id, endpoint_id)


def send_latest_event(database: Database, caller: Caller, endpoint_id: str) -> DeliveryRecord:
    """Makes the tenant's latest event due at an endpoint, as a test of it; sent within a minute, and audited.

    Raises WebhookEndpointReadOnlyError for the endpoint of callbacks, which has no URL; WebhookEndpointNotFoundError,
    WebhookEndpointDisabledError, WebhookEventMissingError, WebhookDeliveryInProgressError.
    """
    with database.transaction(caller.tenant_id) as connection:
        event_id = owe_latest_event(connection, caller.tenant_id, endpoint_id)
        make_due(connection, caller.tenant_id, event_id, endpoint_id, (caller.subject, caller.address))
        return find_delivery(connection, caller.tenant_id, event_id, endpoint_id)
