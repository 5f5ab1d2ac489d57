"""Lists of webhook deliveries with all attempts: a report's, or page by page an endpoint's."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from api.models_webhooks import DeliveryList
from api.show_webhook import show_delivery
from resma.database import Database
from resma.errors import Fault, RequestInvalid
from resma.reports import find_report
from resma.webhook_deliveries import DeliveryPlace, list_endpoint_deliveries, list_report_deliveries
from resma.webhook_endpoints import find_endpoint


def show_report_deliveries(database: Database, tenant_id: str, report_id: UUID, base_url: str) -> DeliveryList:
    """Returns the deliveries of a report's events. Raises ReportNotFound."""
    with database.transaction(tenant_id) as connection:
        find_report(connection, tenant_id, report_id)
        records = list_report_deliveries(connection, tenant_id, report_id)
    return DeliveryList(items=[show_delivery(record, base_url) for record in records])


@dataclass(frozen=True)
class DeliveryQuery:
    """What a caller asked for; None is all."""

    status: str | None
    limit: int
    cursor: str | None


def show_endpoint_deliveries(
    database: Database, tenant_id: str, endpoint_id: str, query: DeliveryQuery, base_url: str
) -> DeliveryList:
    """Returns a page of an endpoint's deliveries, newest first.

    Raises WebhookEndpointNotFound, and RequestInvalid for a cursor that is not ours.
    """
    after = _place(query.cursor) if query.cursor else None
    with database.transaction(tenant_id) as connection:
        find_endpoint(connection, tenant_id, endpoint_id)
        # One more tells whether a next page exists.
        found = list_endpoint_deliveries(connection, tenant_id, endpoint_id, query.status, after, query.limit + 1)
    page = found[: query.limit]
    following = None
    if len(found) > query.limit:
        last = page[-1].delivery
        place = _next(query, DeliveryPlace(last.created_at, last.event_id))
        following = f"{base_url}/api/v1/webhook-endpoints/{endpoint_id}/deliveries?{place}"
    return DeliveryList(items=[show_delivery(record, base_url) for record in page], next=following)


def _next(query: DeliveryQuery, place: DeliveryPlace) -> str:
    text = f"{place.created_at.isoformat()} {place.event_id}"
    parameters = {**vars(query), "cursor": base64.urlsafe_b64encode(text.encode()).decode()}
    return urlencode({name: value for name, value in parameters.items() if value is not None})


def _place(cursor: str) -> DeliveryPlace:
    try:
        created_at, event_id = base64.urlsafe_b64decode(cursor.encode()).decode().split(" ")
        place = DeliveryPlace(datetime.fromisoformat(created_at), event_id)
    except (ValueError, binascii.Error):
        place = None
    if place is None or place.created_at.tzinfo is None or "\x00" in place.event_id:
        fault = Fault("/cursor", "take it from the address in `next`, or leave it out to start with the newest")
        raise RequestInvalid("the cursor can't be read", (fault,))
    return place
