"""Routes of legal holds: /api/v1/reports/{id}/hold and /api/v1/reports/{id}/holds."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.auth.scopes import needs
from api.context import base_url, caller_of, database
from api.holds.manage import hold_report, list_holds, release_report
from api.holds.models import HoldList, HoldRequest
from api.http.ids import parse_report_id
from api.reports.models import ReportView
from api.reports.routes import ReportId

router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@router.put(
    "/api/v1/reports/<report_id>/hold",
    operation_id="holdReport",
    summary="Place a legal hold on a report",
    description="Nothing of a held report is deleted until the hold is released: not by the end of its retention, and "
    "not by a caller. If the bucket has S3 Object Lock, its objects also get a legal hold, within a minute. A hold for "
    "another reason replaces the hold in force.",
    response_description="The report, which is held.",
    tags=["Legal holds"],
    security=needs("holds:manage"),
)
def handle_put_hold(report_id: ReportId, body: HoldRequest) -> ReportView:
    """Handles PUT: returns the held report, or 409 if it is not READY."""
    return hold_report(database(), caller_of(router), parse_report_id(report_id), body.reason, base_url(router))


@router.delete(
    "/api/v1/reports/<report_id>/hold",
    operation_id="releaseReport",
    summary="Release the legal hold of a report",
    description="If the retention period of its files is over, they are then deleted within two minutes. Releasing a "
    "report that is not held has no effect.",
    response_description="The report, which is not held.",
    tags=["Legal holds"],
    security=needs("holds:manage"),
)
def handle_delete_hold(report_id: ReportId) -> ReportView:
    """Handles DELETE: returns the report, also if it was not held."""
    return release_report(database(), caller_of(router), parse_report_id(report_id), base_url(router))


@router.get(
    "/api/v1/reports/<report_id>/holds",
    operation_id="listReportHolds",
    summary="List the legal holds of a report",
    description="Shows who placed and released holds, when and why, latest first.",
    response_description="The history of holds.",
    tags=["Legal holds"],
    security=needs("reports:read"),
)
def handle_get_holds(report_id: ReportId) -> HoldList:
    """Handles GET: returns the history of a report's holds."""
    return list_holds(database(), caller_of(router), parse_report_id(report_id))
