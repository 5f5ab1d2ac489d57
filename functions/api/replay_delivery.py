"""POST /api/v1/webhook-deliveries/{event}/{endpoint}/replay: the same webhook again, under the same id."""

from __future__ import annotations

from resma.caller import Caller
from resma.database import Database
from resma.replay_webhook import replay_delivery as make_due
from resma.webhook_deliveries import Record, find_delivery


def replay_delivery(database: Database, caller: Caller, event_id: str, endpoint_id: str) -> Record:
    """Makes a delivery due now, whatever became of it; the tick sends it within a minute. Who asked is on record.

    Raises WebhookDeliveryNotFound, WebhookEndpointDisabled and WebhookDeliveryUnderWay.
    """
    asked = (caller.subject, caller.address)
    with database.transaction(caller.tenant_id) as connection:
        make_due(connection, caller.tenant_id, event_id, endpoint_id, asked)
        return find_delivery(connection, caller.tenant_id, event_id, endpoint_id)
