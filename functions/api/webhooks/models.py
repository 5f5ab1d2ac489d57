"""JSON models of webhook endpoints and deliveries."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import AfterValidator, ConfigDict, Field

from resma.jobs.completed_event import EventType
from resma.json_models import URI, RequestModel, ViewModel, WholeNumber
from resma.request_errors import WebhookDeliveryNotFoundError, WebhookEndpointNotFoundError
from resma.string_patterns import NO_NUL
from resma.webhooks.url import URL_SCHEMA

DeliveryStatus = Literal["PENDING", "DELIVERED", "FAILED"]

_ENDPOINT_ID = r"^(callback|whe_[0-9a-f]{32})$"
_EVENT_ID = "^evt_[0-9a-z_]{1,80}$"


def _require_endpoint_id(text: str) -> str:
    if re.fullmatch(_ENDPOINT_ID, text, re.ASCII) is None:
        raise WebhookEndpointNotFoundError(
            "This is not the id of an endpoint. GET /api/v1/webhook-endpoints lists your endpoints."
        )
    return text


def _require_event_id(text: str) -> str:
    if re.fullmatch(_EVENT_ID, text, re.ASCII) is None:
        raise WebhookDeliveryNotFoundError(
            "This is not the id of an event. GET /api/v1/reports/{id}/deliveries lists the events of a report."
        )
    return text


EndpointId = Annotated[
    str,
    AfterValidator(_require_endpoint_id),
    Path(
        description="Id of the endpoint, or `callback` for the callback URLs of requests.",
        json_schema_extra={"pattern": _ENDPOINT_ID},
    ),
]
EventId = Annotated[
    str,
    AfterValidator(_require_event_id),
    Path(description="Id of the event: the header `webhook-id`.", json_schema_extra={"pattern": _EVENT_ID}),
]

_Url = Annotated[
    str,
    Field(
        max_length=2000,
        json_schema_extra={**URL_SCHEMA},
        description="Public https URL that receives webhooks when reports end. They are signed according to Standard "
        "Webhooks.",
    ),
]
_Events = Annotated[
    list[EventType] | None,
    Field(
        min_length=1,
        max_length=20,
        description="Events that are sent; null: all events, including those that are added later.",
    ),
]
_ReportTypes = Annotated[
    list[Annotated[str, Field(max_length=100, pattern=NO_NUL)]] | None,
    Field(min_length=1, max_length=100, description="Report types whose events are sent; null: all report types."),
]


class EndpointRequest(RequestModel):
    """A webhook endpoint to create."""

    model_config = ConfigDict(
        title="CreateWebhookEndpointRequest",
        json_schema_extra={"examples": [{"url": "https://hooks.example.com/resma", "events": ["report.ready"]}]},
    )

    url: _Url
    events: _Events = None
    report_types: _ReportTypes = None


class EndpointChanges(RequestModel):
    """Changes of a webhook endpoint. A property that is omitted keeps its value."""

    model_config = ConfigDict(
        title="UpdateWebhookEndpointRequest", json_schema_extra={"examples": [{"enabled": False}]}
    )

    url: _Url = ""
    events: _Events = None
    report_types: _ReportTypes = None
    enabled: bool = Field(
        strict=True,
        default=True,
        description="Whether events are sent. Disabling the endpoint ends its pending deliveries. They are not "
        "resent when it is enabled again; replay them instead.",
    )


class Rotation(RequestModel):
    """How the secret of a webhook endpoint is rotated."""

    model_config = ConfigDict(title="RotateWebhookSecretRequest")

    overlap_hours: WholeNumber = Field(
        default=24,
        ge=0,
        le=7 * 24,
        description="Hours for which webhooks are signed with the previous secret too; 0 ends it at once.",
    )


class LastAttemptView(ViewModel):
    """The attempt at a webhook endpoint that ended last."""

    model_config = ConfigDict(title="LastDeliveryAttempt")

    started_at: datetime = Field(description="When it started.")
    status_code: int | None = Field(description="HTTP status of the response; null if the endpoint did not respond.")
    error: str | None = Field(description="Why the endpoint did not respond, or why its response is not a success.")


class EndpointView(ViewModel):
    """A webhook endpoint. The endpoint `callback` represents the callback URLs of requests."""

    model_config = ConfigDict(title="WebhookEndpoint")

    id: str = Field(description="Id of the endpoint, or `callback`.")
    url: str | None = Field(description="URL of the endpoint; null for `callback`.")
    events: list[str] | None = Field(description="Events that are sent; null: all.")
    report_types: list[str] | None = Field(description="Report types whose events are sent; null: all.")
    enabled: bool = Field(description="Whether events are sent.")
    disabled_at: datetime | None = Field(description="When the endpoint was disabled.")
    disabled_reason: Literal["asked", "gone"] | None = Field(
        description="`asked`: disabled by a request. `gone`: the endpoint answered 410 (Gone)."
    )
    created_at: datetime | None = Field(description="When the endpoint was created; null for `callback`.")
    secret_version: int = Field(description="Version of the secret, from 1.")
    previous_secret_until: datetime | None = Field(
        description="Until when webhooks are signed with the previous secret too."
    )
    failing: bool = Field(default=False, description="Whether the last attempt failed.")
    last_attempt: LastAttemptView | None = Field(
        default=None,
        description="Attempt that ended last. Null before the first one, and in responses to requests that change "
        "the endpoint.",
    )


class EndpointList(ViewModel):
    """All webhook endpoints, starting with `callback`."""

    model_config = ConfigDict(title="WebhookEndpointList")

    items: list[EndpointView] = Field(description="Webhook endpoints.")


class SecretView(ViewModel):
    """Secrets of a webhook endpoint, in the form that libraries of Standard Webhooks take. Keep them confidential."""

    model_config = ConfigDict(title="WebhookSecret")

    id: str = Field(description="Id of the endpoint.")
    version: int = Field(description="Version of `secret`.")
    secret: str = Field(description="Secret that webhooks are signed with, `whsec_` and base64.")
    previous_secret: str | None = Field(description="Previous secret, while webhooks are signed with it too.")
    previous_secret_until: datetime | None = Field(
        description="Until when webhooks are signed with the previous secret too."
    )


class CreatedEndpointView(EndpointView):
    """A new webhook endpoint with its secret."""

    model_config = ConfigDict(title="CreatedWebhookEndpoint")

    secret: str = Field(description="Secret that webhooks are signed with, `whsec_` and base64.")


class AttemptView(ViewModel):
    """One attempt of a delivery. Without status code and error it is in progress or was interrupted."""

    model_config = ConfigDict(title="DeliveryAttempt")

    attempt: int = Field(description="Number of the attempt, from 1.")
    started_at: datetime = Field(description="When the attempt started.")
    url: str = Field(description="URL that was called. The part after `?` is shown as `?…`.")
    status_code: int | None = Field(description="HTTP status of the response; null if the endpoint did not respond.")
    error: str | None = Field(description="Why the endpoint did not respond, or why its response is not a success.")
    milliseconds: int | None = Field(description="Duration of the attempt in milliseconds.")


class ReplayView(ViewModel):
    """A request to replay a webhook."""

    model_config = ConfigDict(title="DeliveryReplay")

    requested_at: datetime = Field(description="When the replay was requested.")
    requested_by: str = Field(
        description="Caller that requested it, like `subject` of `GET /api/v1/me`. Without the scope `personal:read`, "
        "the subject of another caller's token is masked."
    )
    requested_from: str | None = Field(
        description="IP address of the caller, which is masked without the scope `personal:read`."
    )


class DeliveryLinks(ViewModel):
    """URLs of a delivery."""

    report: str = Field(description="URL of the report.", json_schema_extra=URI)
    replay: str = Field(description="URL to which a POST request replays the webhook.", json_schema_extra=URI)


class DeliveryView(ViewModel):
    """Delivery of one event to one endpoint."""

    model_config = ConfigDict(title="WebhookDelivery")

    event_id: str = Field(description="Id of the event: the header `webhook-id` of every attempt.")
    endpoint_id: str = Field(description="Id of the endpoint, or `callback`.")
    event: str = Field(description="Type of the event, such as `report.ready`.")
    report_id: UUID = Field(description="Id of the report.")
    url: str = Field(description="URL of the endpoint. The part after `?` is shown as `?…`.")
    status: DeliveryStatus = Field(description="Status of the delivery. `PENDING` deliveries are attempted again.")
    ended_reason: Literal["gone", "attempts-exhausted", "endpoint-disabled", "endpoint-deleted"] | None = Field(
        description="Reason why the delivery is FAILED."
    )
    created_at: datetime = Field(description="When the event occurred.")
    next_attempt_at: datetime | None = Field(
        description="When the next attempt of a PENDING delivery is due. It starts within a minute of that time."
    )
    delivered_at: datetime | None = Field(description="When the endpoint accepted the webhook.")
    attempts: list[AttemptView] = Field(description="Attempts so far, oldest first.")
    replays: list[ReplayView] = Field(description="Requests to replay the webhook.")
    links: DeliveryLinks = Field(description="URLs of the delivery.")


class DeliveryList(ViewModel):
    """A page of webhook deliveries."""

    model_config = ConfigDict(title="WebhookDeliveryList")

    items: list[DeliveryView] = Field(description="Deliveries of this page.")
    next: str | None = Field(
        default=None, description="URL of the next page; null on the last page.", json_schema_extra=URI
    )
