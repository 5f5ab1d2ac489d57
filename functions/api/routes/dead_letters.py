"""/api/v1/dead-letters: reports that were given up after their last attempt, and sending them on their way again."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.context import POLL_SECONDS, base_url, caller_of, database, queue
from api.cursor import CURSOR_PATTERN
from api.list_dead_letters import list_dead_letters, show_dead_letter
from api.models import ReportView
from api.models_dead_letters import DeadLetterDetails, DeadLetterList, Redriven, RedriveRequest
from api.redrive_dead_letters import redrive_dead_letter, redrive_dead_letters
from api.routes.reports import parse_report_id
from api.scopes import needs
from api.show_report import show_report

router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@router.get(
    "/api/v1/dead-letters",
    summary="List what was given up, newest request first",
    tags=["dead letters"],
    security=needs("dead-letters:manage"),
)
def handle_get_dead_letters(
    limit: Annotated[int, Query(ge=1, le=200, description="Dead letters a page.")] = 50,
    cursor: Annotated[
        str | None,
        Query(json_schema_extra={"pattern": CURSOR_PATTERN}, description="Where the page begins: part of `next`."),
    ] = None,
) -> DeadLetterList:
    """GET: a page of dead letters, and the address of the next one."""
    return list_dead_letters(database(), caller_of(router).tenant_id, limit, cursor, base_url(router))


@router.get(
    "/api/v1/dead-letters/<report_id>",
    summary="Show a dead letter and its redrives",
    tags=["dead letters"],
    security=needs("dead-letters:manage"),
)
def handle_get_dead_letter(
    report_id: Annotated[str, Path(description="The report's id.")],
) -> DeadLetterDetails:
    """GET: what it died of, and how often it was redriven."""
    return show_dead_letter(database(), caller_of(router).tenant_id, parse_report_id(report_id), base_url(router))


@router.post(
    "/api/v1/dead-letters/redrive",
    summary="Send all dead letters on their way again",
    tags=["dead letters"],
    security=needs("dead-letters:manage"),
)
def handle_post_redrive_all(body: Annotated[RedriveRequest | None, Body()] = None) -> Redriven:
    """POST: how many there were. They are under way as others of the tenant leave them room."""
    count = redrive_dead_letters(database(), queue(), caller_of(router), body.reason if body else None)
    return Redriven(redriven=count)


@router.post(
    "/api/v1/dead-letters/<report_id>/redrive",
    summary="Send a dead letter on its way again",
    status_code=HTTPStatus.ACCEPTED,
    tags=["dead letters"],
    security=needs("dead-letters:manage"),
)
def handle_post_redrive(
    report_id: Annotated[str, Path(description="The report's id.")],
    body: Annotated[RedriveRequest | None, Body()] = None,
) -> Response[ReportView]:
    """POST: 202 with the report, PENDING again; 409 for one that was not given up."""
    report = redrive_dead_letter(
        database(), queue(), caller_of(router), parse_report_id(report_id), body.reason if body else None
    )
    view = show_report(report, base_url(router))
    headers: dict[str, str | list[str]] = {"Location": view.links.self_, "Retry-After": str(POLL_SECONDS)}
    return Response(HTTPStatus.ACCEPTED, "application/json", view, headers=headers)
