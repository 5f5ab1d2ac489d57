"""Route of /api/v1/report-types."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.auth.scopes import needs
from api.report_types.listing import list_report_types
from api.report_types.models import ReportTypeList
from resma.i18n.locales import DEFAULT_LOCALE

router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@router.get(
    "/api/v1/report-types",
    operation_id="listReportTypes",
    summary="List report types",
    description="Lists the report types with their columns and the JSON Schema of their filters.",
    response_description="The report types.",
    tags=["Report types"],
    security=needs("reports:read"),
)
def handle_get_report_types(
    locale: Annotated[str, Query(description="Language of titles, descriptions and headings.")] = DEFAULT_LOCALE.tag,
) -> ReportTypeList:
    """Handles GET: returns all report types with the JSON Schema of their filters."""
    return list_report_types(locale)
