"""Routes of /api/v1/dead-letters."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.auth.scopes import needs
from api.context import POLL_SECONDS, base_url, caller_of, database, queue
from api.dead_letters.listing import list_dead_letters, show_dead_letter
from api.dead_letters.models import DeadLetterDetails, DeadLetterList, Redriven, RedriveRequest
from api.dead_letters.redrive import redrive_dead_letter, redrive_dead_letters
from api.http.cursor import CURSOR_PATTERN
from api.http.ids import parse_report_id
from api.reports.models import ReportView
from api.reports.routes import ReportId
from api.reports.view import show_report

router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@router.get(
    "/api/v1/dead-letters",
    operation_id="listDeadLetters",
    summary="List dead letters",
    description="Lists reports that failed after their last attempt, newest request first, in pages.",
    response_description="A page of dead letters.",
    tags=["Dead letters"],
    security=needs("dead-letters:manage"),
)
def handle_get_dead_letters(
    limit: Annotated[int, Query(ge=1, le=200, description="Maximum number of dead letters per page.")] = 50,
    cursor: Annotated[
        str | None,
        Query(json_schema_extra={"pattern": CURSOR_PATTERN}, description="Position of the page, as in `next`."),
    ] = None,
) -> DeadLetterList:
    """Handles GET: returns a page of dead letters, with the URL of the next page."""
    return list_dead_letters(database(), caller_of(router).tenant_id, limit, cursor, base_url(router))


@router.get(
    "/api/v1/dead-letters/<report_id>",
    operation_id="getDeadLetter",
    summary="Get a dead letter",
    description="Shows the error of a dead-lettered report and its earlier redrives.",
    response_description="The dead letter.",
    tags=["Dead letters"],
    security=needs("dead-letters:manage"),
)
def handle_get_dead_letter(
    report_id: ReportId,
) -> DeadLetterDetails:
    """Handles GET: returns a dead letter with its error and its earlier redrives."""
    return show_dead_letter(database(), caller_of(router), parse_report_id(report_id), base_url(router))


@router.post(
    "/api/v1/dead-letters/redrive",
    operation_id="redriveDeadLetters",
    summary="Redrive all dead letters",
    description="Requeues all dead-lettered reports of your tenant. Fix the cause of their errors first.",
    response_description="The number of requeued reports.",
    tags=["Dead letters"],
    security=needs("dead-letters:manage"),
)
def handle_post_redrive_all(body: Annotated[RedriveRequest | None, Body()] = None) -> Redriven:
    """Handles POST: returns the number of redriven reports. They start as concurrency slots of the tenant are free."""
    count = redrive_dead_letters(database(), queue(), caller_of(router), body.reason if body else None)
    return Redriven(redriven=count)


@router.post(
    "/api/v1/dead-letters/<report_id>/redrive",
    operation_id="redriveDeadLetter",
    summary="Redrive a dead letter",
    status_code=HTTPStatus.ACCEPTED,
    description="Requeues a dead-lettered report with a full set of attempts. Fix the cause of its error first.",
    response_description="The report, which is PENDING.",
    tags=["Dead letters"],
    security=needs("dead-letters:manage"),
)
def handle_post_redrive(
    report_id: ReportId,
    body: Annotated[RedriveRequest | None, Body()] = None,
) -> Response[ReportView]:
    """Handles POST: returns 202 with the report, or 409 for a report that is not dead-lettered."""
    caller = caller_of(router)
    report, splits = redrive_dead_letter(
        database(), queue(), caller, parse_report_id(report_id), body.reason if body else None
    )
    view = show_report(report, base_url(router), caller, splits=splits)
    headers: dict[str, str | list[str]] = {"Location": view.links.self_, "Retry-After": str(POLL_SECONDS)}
    return Response(HTTPStatus.ACCEPTED, "application/json", view, headers=headers)
