"""Lists the webhook deliveries of a report or an endpoint with all their attempts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from api.http.cursor import cursor_invalid, next_page, read_microseconds, write_microseconds
from api.http.page_size import fitting
from api.webhooks.models import DeliveryList
from api.webhooks.view import show_delivery
from resma.access.caller import Caller
from resma.database.connection import Database
from resma.jobs.report_rows import find_report
from resma.webhooks.deliveries import DeliveryCursor, list_endpoint_deliveries, list_report_deliveries
from resma.webhooks.endpoints import find_endpoint

DELIVERY_CURSOR_PATTERN = r"^[0-9]{1,16}\.[0-9a-z_]{1,80}$"
"""Pattern of a cursor: microseconds since 1970 and an event id."""


def show_report_deliveries(database: Database, caller: Caller, report_id: UUID, base_url: str) -> DeliveryList:
    """Returns the deliveries of a report's events, as the caller may see them. Raises ReportNotFoundError."""
    tenant_id = caller.tenant_id
    with database.transaction(tenant_id) as connection:
        find_report(connection, tenant_id, report_id)
        records = list_report_deliveries(connection, tenant_id, report_id)
    return DeliveryList(items=[show_delivery(record, base_url, caller) for record in records])


@dataclass(frozen=True)
class DeliveryQuery:
    """Filter and position of a page. A status of None is not applied."""

    status: str | None
    limit: int
    cursor: str | None


def show_endpoint_deliveries(
    database: Database, caller: Caller, endpoint_id: str, query: DeliveryQuery, base_url: str
) -> DeliveryList:
    """Returns a page of an endpoint's deliveries, newest first, as the caller may see them.

    Raises WebhookEndpointNotFoundError, and RequestInvalidError for an invalid cursor.
    """
    tenant_id = caller.tenant_id
    after = _read_cursor(query.cursor) if query.cursor is not None else None
    with database.transaction(tenant_id) as connection:
        find_endpoint(connection, tenant_id, endpoint_id)
        # One more shows whether a next page exists.
        records = list_endpoint_deliveries(connection, tenant_id, endpoint_id, query.status, after, query.limit + 1)
    items = fitting([show_delivery(record, base_url, caller) for record in records[: query.limit]])
    following = None
    if len(records) > len(items):
        last = records[len(items) - 1].delivery
        url = f"{base_url}/api/v1/webhook-endpoints/{endpoint_id}/deliveries"
        following = next_page(url, vars(query), f"{write_microseconds(last.created_at)}.{last.event_id}")
    return DeliveryList(items=items, next=following)


def _read_cursor(cursor: str) -> DeliveryCursor:
    if re.fullmatch(DELIVERY_CURSOR_PATTERN, cursor, re.ASCII) is None:
        raise cursor_invalid()
    timestamp, event_id = cursor.split(".")
    return DeliveryCursor(read_microseconds(timestamp), event_id)
