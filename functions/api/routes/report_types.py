"""/api/v1/report-types: what can be asked for."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.list_report_types import list_report_types
from api.models import ReportTypeList
from api.scopes import needs
from resma.locales import DEFAULT_LOCALE

router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@router.get(
    "/api/v1/report-types",
    summary="List what can be asked for",
    tags=["report types"],
    security=needs("reports:read"),
)
def handle_get_report_types(
    locale: Annotated[
        str, Query(description="In whose language: a locale that reports can have.")
    ] = DEFAULT_LOCALE.tag,
) -> ReportTypeList:
    """GET: every report type with the JSON Schema of its filters."""
    return list_report_types(locale)
