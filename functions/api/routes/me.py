"""/api/v1/me: who is asking."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.context import caller_of, database
from api.models import CallerView
from api.scopes import is_known
from api.show_caller import show_caller

router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@router.get(
    "/api/v1/me",
    summary="Show who you are, and what you may do",
    description="For every key and token, whatever its scopes.",
    tags=["access"],
    security=is_known(),
)
def handle_get_me() -> CallerView:
    """GET: tenant, subject and scopes of the caller."""
    return show_caller(database(), caller_of(router))
