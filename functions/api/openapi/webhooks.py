"""Webhooks in the OpenAPI document, one for each event."""

from __future__ import annotations

from typing import get_args

from api.openapi.schemas import COMPONENT, Json
from resma.jobs.completed_event import EventType, WebhookEvent

_SUMMARIES: dict[EventType, str] = {
    "report.ready": "Receive the event that a report is READY",
    "report.failed": "Receive the event that a report is FAILED",
    "report.cancelled": "Receive the event that a report is CANCELLED",
    "report.skipped": "Receive the event that a report is SKIPPED",
}

_HEADERS = {
    "webhook-id": "Id of the event, which is the same in every attempt. Process each id only once.",
    "webhook-timestamp": "Time of the attempt, in seconds since 1970-01-01 UTC.",
    "webhook-signature": "Signature according to Standard Webhooks. During a rotation of the secret there are two.",
}


def describe_webhooks(document: Json) -> None:
    """Adds the section `webhooks` (OpenAPI 3.1 §4.8.1) and the schemas of the events."""
    schema = WebhookEvent.model_json_schema(ref_template=COMPONENT + "{model}")
    for name, part in {**schema.pop("$defs"), WebhookEvent.__name__: schema}.items():
        part.pop("additionalProperties", None)  # events can get new properties
        document["components"]["schemas"][name] = part
    document["webhooks"] = {event: {"post": _operation(event)} for event in get_args(EventType)}


def _operation(event: EventType) -> Json:
    kind = event.partition(".")[2]
    return {
        "tags": ["Events"],
        "operationId": f"receiveReport{kind.title()}",
        "summary": _SUMMARIES[event],
        "description": "The event is sent to the `callbackUrl` of the request and to the webhook endpoints of the "
        "tenant. Verify the signature before you use the body.",
        "security": [],
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
            for name, text in _HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": COMPONENT + WebhookEvent.__name__}}},
        },
        "responses": {
            "2XX": {
                "description": "The event was accepted. The endpoint has 20 seconds to respond, and the body is "
                "ignored."
            },
            "410": {"description": "The endpoint wants no more events. It is disabled."},
            "default": {"description": "The event was not accepted. It is sent again later, for up to three days."},
        },
    }
