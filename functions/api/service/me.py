"""Route of /api/v1/me."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.auth.scopes import is_known
from api.context import caller_of, database
from api.service.caller import show_caller
from api.service.models import CallerView

router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@router.get(
    "/api/v1/me",
    operation_id="getCaller",
    summary="Get the caller",
    description="Shows the tenant and the scopes of the key or token in the request. It needs no scope.",
    response_description="The caller.",
    tags=["Caller"],
    security=is_known(),
)
def handle_get_me() -> CallerView:
    """Handles GET: returns tenant, subject and scopes of the caller."""
    return show_caller(database(), caller_of(router))
