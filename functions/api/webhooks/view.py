"""Converts webhook endpoints and deliveries to their JSON models."""

from __future__ import annotations

from datetime import UTC, datetime

from api.webhooks.health import LastAttempt
from api.webhooks.models import (
    AttemptView,
    CreatedEndpointView,
    DeliveryLinks,
    DeliveryView,
    EndpointView,
    ReplayView,
    SecretView,
)
from resma.access.caller import Caller, address_for, subject_for
from resma.webhooks.deliveries import Attempt, DeliveryRecord, Replay
from resma.webhooks.endpoints import WebhookEndpointRow
from resma.webhooks.signing_secrets import signing_secrets
from resma.webhooks.url import hide_query


def show_endpoint(endpoint: WebhookEndpointRow, last: LastAttempt | None = None) -> EndpointView:
    """Returns the JSON model of an endpoint without its secret. `last` is its last attempt."""
    return EndpointView.model_validate(
        {
            **{name: getattr(endpoint, name) for name in ("url", "events", "report_types", "created_at")},
            **{name: getattr(endpoint, name) for name in ("disabled_at", "disabled_reason", "secret_version")},
            "id": endpoint.endpoint_id,
            "enabled": endpoint.disabled_at is None,
            "previous_secret_until": endpoint.previous_version_until if _is_previous_valid(endpoint) else None,
            "failing": last is not None and not last.is_success,
            "last_attempt": last and vars(last),
        }
    )


def show_created_endpoint(endpoint: WebhookEndpointRow, master: bytes) -> CreatedEndpointView:
    """Returns the JSON model of an endpoint with its secret."""
    secret = show_secret(endpoint, master).secret
    return CreatedEndpointView.model_validate({**show_endpoint(endpoint).model_dump(), "secret": secret})


def show_secret(endpoint: WebhookEndpointRow, master: bytes) -> SecretView:
    """Returns the secrets that webhooks are signed with now, derived from the master secret of the deployment."""
    is_previous_valid = _is_previous_valid(endpoint)
    current, *previous = signing_secrets(
        master,
        endpoint.tenant_id,
        endpoint.endpoint_id,
        endpoint.secret_version,
        is_previous_valid=is_previous_valid,
    )
    return SecretView(
        id=endpoint.endpoint_id,
        version=endpoint.secret_version,
        secret=current,
        previous_secret=next(iter(previous), None),
        previous_secret_until=endpoint.previous_version_until if is_previous_valid else None,
    )


def _is_previous_valid(endpoint: WebhookEndpointRow) -> bool:
    return endpoint.previous_version_until is not None and endpoint.previous_version_until > datetime.now(UTC)


def _show_attempt(attempt: Attempt) -> AttemptView:
    return AttemptView.model_validate({**vars(attempt), "url": hide_query(attempt.url)})


def _show_replay(replay: Replay, caller: Caller) -> ReplayView:
    return ReplayView.model_validate(
        {
            **vars(replay),
            "requested_by": subject_for(caller, replay.requested_by),
            "requested_from": address_for(caller, replay.requested_from),
        }
    )


def show_delivery(record: DeliveryRecord, base_url: str, caller: Caller) -> DeliveryView:
    """Returns the JSON model of a delivery, as the caller may see it. `base_url` is the base URL of the API."""
    delivery = record.delivery
    return DeliveryView.model_validate(
        {
            **vars(delivery),
            "url": hide_query(delivery.url),
            "next_attempt_at": delivery.next_attempt_at if delivery.status == "PENDING" else None,
            "attempts": [_show_attempt(attempt) for attempt in record.attempts],
            "replays": [_show_replay(replay, caller) for replay in record.replays],
            "links": DeliveryLinks(
                report=f"{base_url}/api/v1/reports/{delivery.report_id}",
                replay=f"{base_url}/api/v1/webhook-deliveries/{delivery.event_id}/{delivery.endpoint_id}/replay",
            ),
        }
    )
