"""/api/v1/schedules: reports that are asked for again and again."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.context import base_url, caller_of, database, settings
from api.cursor import CURSOR_PATTERN
from api.manage_schedules import Schedules
from api.models_schedules import (
    PreviewRequest,
    PreviewView,
    RunList,
    ScheduleChanges,
    ScheduleId,
    ScheduleList,
    ScheduleRequest,
    ScheduleView,
)
from api.preview_schedule import preview_runs
from api.scopes import needs
from api.show_schedule import RUN_CURSOR_PATTERN, PageQuery, show_runs, show_schedule, show_schedules

router = APIGatewayRouter()  # type: ignore[no-untyped-call]

_Limit = Annotated[int, Query(ge=1, le=200, description="Items a page.")]
_Count = Annotated[int, Query(ge=1, le=50, description="Runs to show.")]


@router.post(
    "/api/v1/schedules",
    summary="Make a schedule",
    status_code=HTTPStatus.CREATED,
    description="Its request is checked in full. Its maker, who needs reports:write too, is its owner: it runs with "
    "what the owner may do at that time.",
    tags=["schedules"],
    security=needs("schedules:manage"),
)
def handle_post_schedule(body: ScheduleRequest) -> Response[ScheduleView]:
    """POST: 201 with the schedule and its next run."""
    schedule = _schedules().make(body)
    headers: dict[str, str | list[str]] = {"Location": f"{base_url(router)}/api/v1/schedules/{schedule.schedule_id}"}
    return Response(
        HTTPStatus.CREATED, "application/json", show_schedule(database(), caller_of(router), schedule), headers=headers
    )


@router.post(
    "/api/v1/schedules/preview",
    summary="Show when a schedule would run",
    description="Nothing is kept.",
    tags=["schedules"],
    security=needs("schedules:manage"),
)
def handle_post_preview(body: PreviewRequest, count: _Count = 10) -> PreviewView:
    """POST: the next runs of a schedule that is not there yet."""
    return _schedules().preview(body, count)


@router.get(
    "/api/v1/schedules",
    summary="List schedules, newest first",
    tags=["schedules"],
    security=needs("schedules:manage"),
)
def handle_get_schedules(
    limit: _Limit = 50,
    cursor: Annotated[
        str | None,
        Query(json_schema_extra={"pattern": CURSOR_PATTERN}, description="Where the page begins: part of `next`."),
    ] = None,
) -> ScheduleList:
    """GET: a page of schedules, and the address of the next one."""
    return show_schedules(database(), caller_of(router), PageQuery(limit, cursor), base_url(router))


@router.get(
    "/api/v1/schedules/<schedule_id>",
    summary="Show a schedule",
    tags=["schedules"],
    security=needs("schedules:manage"),
)
def handle_get_schedule(schedule_id: ScheduleId) -> ScheduleView:
    """GET: one of them."""
    return show_schedule(database(), caller_of(router), _schedules().find(schedule_id))


@router.patch(
    "/api/v1/schedules/<schedule_id>",
    summary="Change, pause or resume a schedule",
    description="Whoever changes it becomes its owner. `paused` alone pauses and resumes, and leaves the owner.",
    tags=["schedules"],
    security=needs("schedules:manage"),
)
def handle_patch_schedule(schedule_id: ScheduleId, body: ScheduleChanges) -> ScheduleView:
    """PATCH: what is left out stays as it is."""
    return show_schedule(database(), caller_of(router), _schedules().change(schedule_id, body))


@router.delete(
    "/api/v1/schedules/<schedule_id>",
    summary="Delete a schedule",
    status_code=HTTPStatus.NO_CONTENT,
    description="With its history. Its reports stay.",
    tags=["schedules"],
    security=needs("schedules:manage"),
)
def handle_delete_schedule(schedule_id: ScheduleId) -> Response[None]:
    """DELETE: 204."""
    _schedules().delete(schedule_id)
    return Response(HTTPStatus.NO_CONTENT)


@router.get(
    "/api/v1/schedules/<schedule_id>/preview",
    summary="Show a schedule's next runs",
    description="As they would be if it were not paused or blocked.",
    tags=["schedules"],
    security=needs("schedules:manage"),
)
def handle_get_preview(schedule_id: ScheduleId, count: _Count = 10) -> PreviewView:
    """GET: its next runs."""
    schedule = _schedules().find(schedule_id)
    return preview_runs(schedule.check_timing(), schedule.period, schedule.ends_at, datetime.now(UTC), count)


@router.get(
    "/api/v1/schedules/<schedule_id>/runs",
    summary="List a schedule's runs, the latest first",
    tags=["schedules"],
    security=needs("schedules:manage"),
)
def handle_get_runs(
    schedule_id: ScheduleId,
    limit: _Limit = 50,
    cursor: Annotated[
        str | None,
        Query(json_schema_extra={"pattern": RUN_CURSOR_PATTERN}, description="Where the page begins: part of `next`."),
    ] = None,
) -> RunList:
    """GET: a page of what became of its times."""
    tenant_id = caller_of(router).tenant_id
    return show_runs(database(), tenant_id, schedule_id, PageQuery(limit, cursor), base_url(router))


def _schedules() -> Schedules:
    return Schedules(database(), caller_of(router), settings().webhook_allow_loopback)
