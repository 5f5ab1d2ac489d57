"""/health: the one address that is open to nobody in particular."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.service.models import Health

router = APIGatewayRouter()  # type: ignore[no-untyped-call]

HEALTH = "/health"


def is_open(event: dict[str, Any]) -> bool:
    """Whether a request needs no key as it is for this address."""
    return event.get("path") == HEALTH and event.get("httpMethod") == "GET"


@router.get(
    HEALTH,
    operation_id="getHealth",
    summary="Check that the API answers",
    description="Needs no key. Checks neither the database nor the queue.",
    response_description="The API answers.",
    tags=["Health"],
)
def handle_get_health() -> Health:
    """GET: that the function runs. Asks neither database nor queue, so that nobody can make it ask them."""
    return Health()
