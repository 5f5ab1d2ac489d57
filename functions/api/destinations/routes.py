"""Routes of /api/v1/destinations and /api/v1/file-deliveries."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.auth.scopes import needs
from api.context import base_url, caller_of, database, delivery_queue, settings
from api.destinations.listing import (
    DELIVERY_CURSOR_PATTERN,
    FileDeliveryQuery,
    show_destination_deliveries,
    show_one_delivery,
    show_report_deliveries,
)
from api.destinations.manage import Destinations
from api.destinations.models import (
    DeliveryId,
    DestinationChanges,
    DestinationId,
    DestinationList,
    DestinationRequest,
    DestinationView,
    FileDeliveryList,
    FileDeliveryStatus,
    FileDeliveryView,
)
from api.destinations.view import show_delivery, show_destination
from api.http.ids import parse_report_id
from api.reports.routes import ReportId

logger = Logger(child=True)
router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@router.post(
    "/api/v1/destinations",
    operation_id="createDestination",
    summary="Create a destination",
    status_code=HTTPStatus.CREATED,
    description="Creates a destination, to which files of reports can be delivered: name its id in `deliverTo` of "
    "requests. Nothing is sent there yet; send a test file to try it.",
    response_description="The destination.",
    tags=["Destinations"],
    security=needs("destinations:manage"),
)
def handle_post_destination(body: DestinationRequest) -> Response[DestinationView]:
    """Handles POST: returns 201 with the destination."""
    row = _destinations().create(body)
    _log("a destination was created", row.destination_id)
    headers: dict[str, str | list[str]] = {"Location": f"{base_url(router)}/api/v1/destinations/{row.destination_id}"}
    return Response(HTTPStatus.CREATED, "application/json", show_destination(row, caller_of(router)), headers=headers)


@router.get(
    "/api/v1/destinations",
    operation_id="listDestinations",
    summary="List destinations",
    description="Lists all destinations of your tenant, oldest first.",
    response_description="The destinations.",
    tags=["Destinations"],
    security=needs("destinations:manage"),
)
def handle_get_destinations() -> DestinationList:
    """Handles GET: returns all destinations."""
    return DestinationList(
        items=[show_destination(row, caller_of(router), last) for row, last in _destinations().list()]
    )


@router.get(
    "/api/v1/destinations/<destination_id>",
    operation_id="getDestination",
    summary="Get a destination",
    description="Shows a destination, and the result of the last attempt to deliver there.",
    response_description="The destination.",
    tags=["Destinations"],
    security=needs("destinations:manage"),
)
def handle_get_destination(destination_id: DestinationId) -> DestinationView:
    """Handles GET: returns a destination."""
    row, last = _destinations().show(destination_id)
    return show_destination(row, caller_of(router), last)


@router.patch(
    "/api/v1/destinations/<destination_id>",
    operation_id="updateDestination",
    summary="Update, disable or enable a destination",
    description="Changes the properties that are sent. Pending deliveries use the new settings, and keep the names of "
    "files whose delivery has started. Reports that were requested before keep the certificates that they have.",
    response_description="The updated destination.",
    tags=["Destinations"],
    security=needs("destinations:manage"),
)
def handle_patch_destination(destination_id: DestinationId, body: DestinationChanges) -> DestinationView:
    """Handles PATCH: changes the properties in the body and returns the destination."""
    row = _destinations().change(destination_id, body)
    _log("a destination was changed", destination_id)
    return show_destination(row, caller_of(router))


@router.delete(
    "/api/v1/destinations/<destination_id>",
    operation_id="deleteDestination",
    summary="Delete a destination",
    status_code=HTTPStatus.NO_CONTENT,
    description="Deletes a destination and ends its pending deliveries. Delivered files stay where they are. A "
    "destination that schedules name cannot be deleted.",
    response_description="The destination was deleted.",
    tags=["Destinations"],
    security=needs("destinations:manage"),
)
def handle_delete_destination(destination_id: DestinationId) -> Response[None]:
    """Handles DELETE: deletes the destination and returns 204, or 409 if schedules name it."""
    _destinations().delete(destination_id)
    _log("a destination was deleted", destination_id)
    return Response(HTTPStatus.NO_CONTENT)


@router.post(
    "/api/v1/destinations/<destination_id>/test",
    operation_id="testDestination",
    summary="Send a test file to a destination",
    status_code=HTTPStatus.ACCEPTED,
    description="Delivers a short text file, as the files of a report are delivered. If the destination has "
    "certificates, it is encrypted for them, so that the receiver can try to decrypt it. `GET` the delivery to "
    "see whether it has arrived.",
    response_description="The delivery, which is PENDING.",
    tags=["Destinations"],
    security=needs("destinations:manage"),
)
def handle_post_test(destination_id: DestinationId) -> Response[FileDeliveryView]:
    """Handles POST: returns 202 with the delivery."""
    record = _destinations().send_test(destination_id, delivery_queue())
    return Response(HTTPStatus.ACCEPTED, "application/json", show_delivery(record, base_url(router), caller_of(router)))


@router.get(
    "/api/v1/destinations/<destination_id>/deliveries",
    operation_id="listDestinationDeliveries",
    summary="List the deliveries to a destination",
    description="Lists the deliveries to a destination with all their attempts, newest first, in pages.",
    response_description="A page of deliveries.",
    tags=["Destinations"],
    security=needs("destinations:manage"),
)
def handle_get_deliveries(
    destination_id: DestinationId,
    status: Annotated[FileDeliveryStatus | None, Query(description="Only deliveries with this status.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Maximum number of deliveries per page.")] = 50,
    cursor: Annotated[
        str | None,
        Query(
            json_schema_extra={"pattern": DELIVERY_CURSOR_PATTERN}, description="Position of the page, as in `next`."
        ),
    ] = None,
) -> FileDeliveryList:
    """Handles GET: returns a page of deliveries with all attempts, newest first."""
    query = FileDeliveryQuery(status, limit, cursor)
    return show_destination_deliveries(database(), caller_of(router), destination_id, query, base_url(router))


@router.get(
    "/api/v1/reports/<report_id>/file-deliveries",
    operation_id="listReportFileDeliveries",
    summary="List the deliveries of a report's files",
    description="Lists the deliveries of a report's files to destinations, with all their attempts.",
    response_description="The deliveries.",
    tags=["Destinations"],
    security=needs("reports:read"),
)
def handle_get_report_deliveries(report_id: ReportId) -> FileDeliveryList:
    """Handles GET: returns the deliveries of a report's files."""
    return show_report_deliveries(database(), caller_of(router), parse_report_id(report_id), base_url(router))


@router.get(
    "/api/v1/file-deliveries/<delivery_id>",
    operation_id="getFileDelivery",
    summary="Get a delivery of files",
    description="Shows a delivery with its files and all its attempts.",
    response_description="The delivery.",
    tags=["Destinations"],
    security=needs("destinations:manage"),
)
def handle_get_delivery(delivery_id: DeliveryId) -> FileDeliveryView:
    """Handles GET: returns a delivery."""
    return show_one_delivery(database(), caller_of(router), delivery_id, base_url(router))


@router.post(
    "/api/v1/file-deliveries/<delivery_id>/replay",
    operation_id="replayFileDelivery",
    summary="Replay a delivery of files",
    status_code=HTTPStatus.ACCEPTED,
    description="Delivers the files again, whatever the status of the delivery, under the same names. Files that still "
    "exist at the destination are not sent again. The replay is recorded.",
    response_description="The delivery, which is PENDING.",
    tags=["Destinations"],
    security=needs("destinations:manage"),
)
def handle_post_replay(delivery_id: DeliveryId) -> Response[FileDeliveryView]:
    """Handles POST: returns 202 with the delivery, which is PENDING."""
    record = _destinations().replay(delivery_id, delivery_queue())
    return Response(HTTPStatus.ACCEPTED, "application/json", show_delivery(record, base_url(router), caller_of(router)))


def _destinations() -> Destinations:
    return Destinations(database(), caller_of(router), settings().destination_rules)


def _log(message: str, destination_id: str) -> None:
    caller = caller_of(router)
    logger.info(message, destination_id=destination_id, tenant_id=caller.tenant_id, subject=caller.subject)
