"""Route of /health, which needs no credentials."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.service.models import Health
from resma.catalog import current_catalog

router = APIGatewayRouter()  # type: ignore[no-untyped-call]

HEALTH = "/health"


def is_open(event: dict[str, Any]) -> bool:
    """Whether a request needs no credentials because it is for /health."""
    return event.get("path") == HEALTH and event.get("httpMethod") == "GET"


@router.get(
    HEALTH,
    operation_id="getHealth",
    summary="Check the health of the API",
    description="Shows that the API responds and has a catalog of report types. It needs no key, and checks neither "
    "the database nor the queue.",
    response_description="The API responds.",
    tags=["Health"],
)
def handle_get_health() -> Health:
    """Handles GET: returns 200. It uses neither database nor queue, so that it cannot be used to overload them.

    Raises CatalogInvalidError if the package was built without a catalog.
    """
    current_catalog()
    return Health()
