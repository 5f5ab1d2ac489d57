"""Routes of /api/v1/suppressed-addresses: addresses to which no e-mail is sent any more."""

from __future__ import annotations

import re
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayRouter
from pydantic import AfterValidator, Field

from api.auth.scopes import needs
from api.context import base_url, caller_of, database
from api.http.cursor import cursor_invalid, next_page
from resma.access.caller import hide_emails
from resma.destinations.addresses import ADDRESS_PATTERN, MAX_ADDRESS
from resma.destinations.recipients import SuppressionReason, list_suppressed, remove_suppressed
from resma.json_models import URI, ViewModel
from resma.request_errors import SuppressedAddressNotFoundError

logger = Logger(child=True)
router = APIGatewayRouter()  # type: ignore[no-untyped-call]

_PATH = "/api/v1/suppressed-addresses"
_NOT_SUPPRESSED = "This address is not suppressed. GET /api/v1/suppressed-addresses lists the suppressed ones."


def _require_address(text: str) -> str:
    if len(text) > MAX_ADDRESS or re.fullmatch(ADDRESS_PATTERN, text, re.ASCII) is None:
        raise SuppressedAddressNotFoundError(_NOT_SUPPRESSED)
    return text


def _require_cursor(text: str | None) -> str | None:
    if text is not None and re.fullmatch(ADDRESS_PATTERN, text, re.ASCII) is None:
        raise cursor_invalid()
    return text


SuppressedAddress = Annotated[
    str,
    AfterValidator(_require_address),
    Query(
        description="The suppressed address.", json_schema_extra={"pattern": ADDRESS_PATTERN, "maxLength": MAX_ADDRESS}
    ),
]
"""Not part of the path: an address may contain a slash."""


class SuppressedAddressView(ViewModel):
    """An address to which no e-mail is sent any more."""

    address: str = Field(description="The address, in lower case.")
    reason: SuppressionReason = Field(
        description="`BOUNCE`: a message could not be delivered for good. `COMPLAINT`: the recipient "
        "reported one as spam."
    )
    detail: str | None = Field(description="What the mail server of the recipient answered.")
    suppressed_at: datetime = Field(description="When it was suppressed.")


class SuppressedAddressList(ViewModel):
    """A page of suppressed addresses."""

    items: list[SuppressedAddressView] = Field(description="Suppressed addresses of this page, in their order.")
    next: str | None = Field(
        default=None, description="URL of the next page; null on the last page.", json_schema_extra=URI
    )


@router.get(
    _PATH,
    operation_id="listSuppressedAddresses",
    summary="List suppressed addresses",
    description="Lists the addresses to which your tenant sends no e-mail any more, because a message has bounced or "
    "its recipient complained.",
    response_description="A page of suppressed addresses.",
    tags=["Destinations"],
    security=needs("destinations:manage"),
)
def handle_get_suppressed(
    limit: Annotated[int, Query(ge=1, le=200, description="Maximum number of addresses per page.")] = 50,
    cursor: Annotated[
        str | None,
        Query(
            max_length=MAX_ADDRESS,
            json_schema_extra={"pattern": ADDRESS_PATTERN},
            description="Position of the page, as in `next`.",
        ),
    ] = None,
) -> SuppressedAddressList:
    """Handles GET: returns a page of suppressed addresses."""
    caller = caller_of(router)
    with database().transaction(caller.tenant_id) as connection:
        rows = list_suppressed(connection, caller.tenant_id, _require_cursor(cursor), limit + 1)
    items = [
        SuppressedAddressView.model_validate({**vars(row), "detail": hide_emails(caller, row.detail)})
        for row in rows[:limit]
    ]
    following = None
    if len(rows) > limit:
        following = next_page(f"{base_url(router)}{_PATH}", {"limit": limit}, items[-1].address)
    return SuppressedAddressList(items=items, next=following)


@router.delete(
    _PATH,
    operation_id="removeSuppressedAddress",
    summary="Remove a suppressed address",
    status_code=HTTPStatus.NO_CONTENT,
    description="Lets e-mail be sent to an address again. The next bounce or complaint suppresses it again.",
    response_description="The address is no longer suppressed.",
    tags=["Destinations"],
    security=needs("destinations:manage"),
)
def handle_delete_suppressed(address: SuppressedAddress) -> Response[None]:
    """Handles DELETE: returns 204."""
    caller = caller_of(router)
    with database().transaction(caller.tenant_id) as connection:
        if not remove_suppressed(connection, caller.tenant_id, address):
            raise SuppressedAddressNotFoundError(_NOT_SUPPRESSED)
    logger.info("an address is no longer suppressed", tenant_id=caller.tenant_id, subject=caller.subject)
    return Response(HTTPStatus.NO_CONTENT, body=None)
