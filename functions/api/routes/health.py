"""/health: the one address that is open to nobody in particular."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.models import Health

router = APIGatewayRouter()  # type: ignore[no-untyped-call]

HEALTH = "/health"


def is_open(event: dict[str, Any]) -> bool:
    """Whether a request needs no key as it is for this address."""
    return event.get("path") == HEALTH and event.get("httpMethod") in {"GET", "HEAD"}


@router.get(HEALTH, summary="Tell that the API answers", tags=["health"])
def handle_get_health() -> Health:
    """GET: that the function runs. Asks neither database nor queue, so that nobody can make it ask them."""
    return Health()


@router.head(HEALTH, include_in_schema=False)
def handle_head_health() -> Response[str]:
    """HEAD, as load balancers ask: the same without a body (RFC 9110 §9.3.2)."""
    return Response(HTTPStatus.OK, "application/json", "")
