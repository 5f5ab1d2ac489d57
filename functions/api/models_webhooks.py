"""What goes in and out of the API about webhooks, as JSON."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import AfterValidator, Field

from resma.errors import WebhookDeliveryNotFound, WebhookEndpointNotFound
from resma.webhook_deliveries import EventType
from resma.wire import RequestModel, ViewModel, WholeNumber

DeliveryStatus = Literal["PENDING", "DELIVERED", "FAILED"]

_ENDPOINT_ID = r"^(callback|whe_[0-9a-f]{32})$"
_EVENT_ID = "^evt_[0-9a-z_]{1,80}$"


def _require_endpoint_id(text: str) -> str:
    if re.fullmatch(_ENDPOINT_ID, text, re.ASCII) is None:
        raise WebhookEndpointNotFound("that is no endpoint's id: GET /api/v1/webhook-endpoints lists yours")
    return text


def _require_event_id(text: str) -> str:
    if re.fullmatch(_EVENT_ID, text, re.ASCII) is None:
        raise WebhookDeliveryNotFound("that is no event's id: GET /api/v1/reports/{id}/deliveries has them")
    return text


EndpointId = Annotated[
    str,
    AfterValidator(_require_endpoint_id),
    Path(description="The endpoint's id, or `callback`.", json_schema_extra={"pattern": _ENDPOINT_ID}),
]
EventId = Annotated[
    str,
    AfterValidator(_require_event_id),
    Path(description="The event's id.", json_schema_extra={"pattern": _EVENT_ID}),
]

_Url = Annotated[
    str,
    Field(
        max_length=2000,
        json_schema_extra={"format": "callback-address"},
        description="A public https address. It is told, signed as Standard Webhooks says, when reports end.",
    ),
]
_Events = Annotated[
    list[EventType] | None,
    Field(min_length=1, max_length=20, description="Only these events; null is all, also those that come later."),
]
_ReportTypes = Annotated[
    list[Annotated[str, Field(max_length=100)]] | None,
    Field(min_length=1, max_length=100, description="Only reports of these types; null is all."),
]


class EndpointRequest(RequestModel):
    """Body of `POST /api/v1/webhook-endpoints`."""

    url: _Url
    events: _Events = None
    report_types: _ReportTypes = None


class EndpointChanges(RequestModel):
    """Body of `PATCH /api/v1/webhook-endpoints/{id}`: what is left out stays as it is."""

    url: _Url = ""
    events: _Events = None
    report_types: _ReportTypes = None
    enabled: bool = Field(
        strict=True,
        default=True,
        description="False ends what is still owed to it. What has ended is not sent by enabling it again: replay it.",
    )


class Rotation(RequestModel):
    """Body of `POST /api/v1/webhook-endpoints/{id}/rotate-secret`."""

    overlap_hours: WholeNumber = Field(
        default=24, ge=0, le=7 * 24, description="How long the secret so far signs too; 0 ends it at once."
    )


class EndpointView(ViewModel):
    """An endpoint as the API shows it; `callback` stands for the callbacks that requests name."""

    id: str
    url: str | None = Field(description="Null for `callback`: each request names its own.")
    events: list[str] | None
    report_types: list[str] | None
    enabled: bool
    disabled_at: datetime | None
    disabled_reason: Literal["asked", "gone"] | None = Field(description="`gone`: its address has answered 410.")
    created_at: datetime | None
    secret_version: int
    previous_secret_until: datetime | None = Field(description="Until then the secret before signs too.")


class EndpointList(ViewModel):
    """All endpoints, that of callbacks first."""

    items: list[EndpointView]


class SecretView(ViewModel):
    """An endpoint's secrets, as a library of Standard Webhooks takes them. Whoever knows one can sign in our name."""

    id: str
    version: int
    secret: str
    previous_secret: str | None = Field(description="While it is valid, beside the new one.")
    previous_secret_until: datetime | None


class NewEndpointView(EndpointView):
    """A new endpoint with its secret."""

    secret: str


class AttemptView(ViewModel):
    """One attempt. Without status code and error it is under way, or was cut off."""

    attempt: int
    started_at: datetime
    url: str
    status_code: int | None
    error: str | None
    milliseconds: int | None


class ReplayView(ViewModel):
    """Who asked for a delivery to be made again."""

    asked_at: datetime
    asked_by: str
    asked_from: str | None


class DeliveryLinks(ViewModel):
    """Addresses of what can be done about it."""

    report: str
    replay: str


class DeliveryView(ViewModel):
    """One event for one endpoint. `event_id` is the header `webhook-id` of every attempt."""

    event_id: str
    endpoint_id: str
    event: str
    report_id: UUID
    url: str = Field(description="What follows a `?` is not shown: `?…` stands for it.")
    status: DeliveryStatus
    ended_reason: Literal["gone", "attempts-used-up", "endpoint-disabled", "endpoint-deleted"] | None = Field(
        description="Why it is FAILED."
    )
    created_at: datetime
    next_attempt_at: datetime | None = Field(description="While it is PENDING; the tick makes it within a minute.")
    delivered_at: datetime | None
    attempts: list[AttemptView]
    replays: list[ReplayView]
    links: DeliveryLinks


class DeliveryList(ViewModel):
    """Deliveries."""

    items: list[DeliveryView]
    next: str | None = Field(default=None, description="Address of the next page, if there is one.")
