"""/health: the one address that is open to nobody in particular."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.models import Health

router = APIGatewayRouter()  # type: ignore[no-untyped-call]

HEALTH = "/health"


@router.get(HEALTH, summary="Tell that the API answers", tags=["health"])
def handle_get_health() -> Health:
    """GET: that the function runs. Asks neither database nor queue, so that nobody can make it ask them."""
    return Health()
