"""Route of erasures: /api/v1/erasures."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.auth.scopes import needs
from api.context import caller_of, database
from api.erasures.erase import erase
from api.erasures.models import ErasureRequest, ErasureView

router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@router.post(
    "/api/v1/erasures",
    operation_id="eraseData",
    summary="Delete the data of a person",
    description="Lists the reports of a type that were requested with the given values of filters, or that are split "
    "and have a file for them. Unless it is a dry run, it deletes the files of these reports, or the reports. Reports "
    "that contain the data among those of others are not found. Held reports are named and kept. Filters by personal "
    "columns require `personal:read`.",
    response_description="The reports, and what was done with each.",
    tags=["Reports"],
    security=needs("reports:delete"),
)
def handle_post_erasure(body: ErasureRequest) -> ErasureView:
    """Handles POST: returns the reports that contain the data."""
    return erase(database(), caller_of(router), body)
