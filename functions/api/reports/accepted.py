"""Response to a request for a report: 202 with the URL of the report."""

from __future__ import annotations

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response

from api.context import POLL_SECONDS
from api.reports.models import ReportView


def accepted(view: ReportView) -> Response[ReportView]:
    """Returns 202 with the report, `Location` and `Retry-After`."""
    headers: dict[str, str | list[str]] = {"Location": view.links.self_, "Retry-After": str(POLL_SECONDS)}
    return Response(HTTPStatus.ACCEPTED, "application/json", view, headers=headers)
