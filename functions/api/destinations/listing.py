"""Lists the deliveries of a report or to a destination with their files and attempts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from api.destinations.models import FileDeliveryList, FileDeliveryView
from api.destinations.view import show_delivery
from api.http.cursor import cursor_invalid, next_page, read_microseconds, write_microseconds
from api.http.page_size import fitting
from resma.access.caller import Caller
from resma.database.connection import Database
from resma.destinations.deliveries import (
    FileDeliveryCursor,
    find_delivery,
    list_destination_deliveries,
    list_report_deliveries,
)
from resma.destinations.destination_rows import find_destination
from resma.jobs.report_rows import find_report

DELIVERY_CURSOR_PATTERN = r"^[0-9]{1,16}\.dlv_[0-9a-f]{32}$"
"""Pattern of a cursor: microseconds since 1970 and the id of a delivery."""


@dataclass(frozen=True)
class FileDeliveryQuery:
    """Filter and position of a page. A status of None is not applied."""

    status: str | None
    limit: int
    cursor: str | None


def show_one_delivery(database: Database, caller: Caller, delivery_id: str, base_url: str) -> FileDeliveryView:
    """Returns a delivery. Raises FileDeliveryNotFoundError."""
    with database.transaction(caller.tenant_id) as connection:
        record = find_delivery(connection, caller.tenant_id, delivery_id)
    return show_delivery(record, base_url, caller)


def show_report_deliveries(database: Database, caller: Caller, report_id: UUID, base_url: str) -> FileDeliveryList:
    """Returns the deliveries of a report. Raises ReportNotFoundError."""
    with database.transaction(caller.tenant_id) as connection:
        find_report(connection, caller.tenant_id, report_id)
        records = list_report_deliveries(connection, caller.tenant_id, report_id)
    return FileDeliveryList(items=[show_delivery(record, base_url, caller) for record in records])


def show_destination_deliveries(
    database: Database, caller: Caller, destination_id: str, query: FileDeliveryQuery, base_url: str
) -> FileDeliveryList:
    """Returns a page of the deliveries to a destination, newest first.

    Raises DestinationNotFoundError, and RequestInvalidError for an invalid cursor.
    """
    after = _read_cursor(query.cursor) if query.cursor is not None else None
    with database.transaction(caller.tenant_id) as connection:
        find_destination(connection, caller.tenant_id, destination_id)
        # One more shows whether a next page exists.
        records = list_destination_deliveries(
            connection, caller.tenant_id, destination_id, query.status, after, query.limit + 1
        )
    items = fitting([show_delivery(record, base_url, caller) for record in records[: query.limit]])
    following = None
    if len(records) > len(items):
        last = records[len(items) - 1].delivery
        url = f"{base_url}/api/v1/destinations/{destination_id}/deliveries"
        following = next_page(url, vars(query), f"{write_microseconds(last.created_at)}.{last.delivery_id}")
    return FileDeliveryList(items=items, next=following)


def _read_cursor(cursor: str) -> FileDeliveryCursor:
    if re.fullmatch(DELIVERY_CURSOR_PATTERN, cursor, re.ASCII) is None:
        raise cursor_invalid()
    timestamp, delivery_id = cursor.split(".")
    return FileDeliveryCursor(read_microseconds(timestamp), delivery_id)
