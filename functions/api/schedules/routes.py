"""Routes of /api/v1/schedules."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.auth.scopes import needs
from api.context import base_url, caller_of, database, queue, rules
from api.http.cursor import CURSOR_PATTERN
from api.reports.accepted import accepted
from api.reports.models import ReportView
from api.reports.view import show_report
from api.schedules.manage import Schedules
from api.schedules.models import (
    BackfillRequest,
    BackfillView,
    PreviewRequest,
    PreviewView,
    RunList,
    ScheduleChanges,
    ScheduleId,
    ScheduleList,
    ScheduleRequest,
    ScheduleView,
)
from api.schedules.preview import RunPeriod, preview_runs
from api.schedules.run import backfill_schedule, run_schedule
from api.schedules.view import RUN_CURSOR_PATTERN, PageQuery, show_runs, show_schedule, show_schedules
from resma.access.caller import Caller
from resma.jobs.report_rows import Report
from resma.requests.report_request import ReportRequest
from resma.requests.submit import StartedRun, request_report
from resma.schedules.request import week_start_of

router = APIGatewayRouter()  # type: ignore[no-untyped-call]

_Limit = Annotated[int, Query(ge=1, le=200, description="Maximum number of items per page.")]
_Count = Annotated[int, Query(ge=1, le=50, description="Number of runs to show.")]


@router.post(
    "/api/v1/schedules",
    operation_id="createSchedule",
    summary="Create a schedule",
    status_code=HTTPStatus.CREATED,
    description="Creates a schedule, whose request is validated like that of a report. The caller becomes its owner "
    "and also needs the scope `reports:write`. Each run has the scopes that the owner has at that time.",
    response_description="The schedule.",
    tags=["Schedules"],
    security=needs("schedules:manage"),
)
def handle_post_schedule(body: ScheduleRequest) -> Response[ScheduleView]:
    """Handles POST: returns 201 with the schedule and its next run."""
    schedule = _schedules().create(body)
    headers: dict[str, str | list[str]] = {"Location": f"{base_url(router)}/api/v1/schedules/{schedule.schedule_id}"}
    return Response(
        HTTPStatus.CREATED, "application/json", show_schedule(database(), caller_of(router), schedule), headers=headers
    )


@router.post(
    "/api/v1/schedules/preview",
    operation_id="previewScheduleRequest",
    summary="Preview the runs of a new schedule",
    description="Shows when a schedule would run. Nothing is stored.",
    response_description="The next runs.",
    tags=["Schedules"],
    security=needs("schedules:manage"),
)
def handle_post_preview(body: PreviewRequest, count: _Count = 10) -> PreviewView:
    """Handles POST: returns the next runs of a schedule that does not exist yet."""
    return _schedules().preview(body, count)


@router.get(
    "/api/v1/schedules",
    operation_id="listSchedules",
    summary="List schedules",
    description="Lists the schedules of your tenant, newest first, in pages.",
    response_description="A page of schedules.",
    tags=["Schedules"],
    security=needs("schedules:manage"),
)
def handle_get_schedules(
    limit: _Limit = 50,
    cursor: Annotated[
        str | None,
        Query(json_schema_extra={"pattern": CURSOR_PATTERN}, description="Position of the page, as in `next`."),
    ] = None,
) -> ScheduleList:
    """Handles GET: returns a page of schedules, with the URL of the next page."""
    return show_schedules(database(), caller_of(router), PageQuery(limit, cursor), base_url(router))


@router.get(
    "/api/v1/schedules/<schedule_id>",
    operation_id="getSchedule",
    summary="Get a schedule",
    description="Shows a schedule with its status, its next run and its latest run.",
    response_description="The schedule.",
    tags=["Schedules"],
    security=needs("schedules:manage"),
)
def handle_get_schedule(schedule_id: ScheduleId) -> ScheduleView:
    """Handles GET: returns a schedule."""
    return show_schedule(database(), caller_of(router), _schedules().find(schedule_id))


@router.patch(
    "/api/v1/schedules/<schedule_id>",
    operation_id="updateSchedule",
    summary="Update, pause or resume a schedule",
    description="Changes the properties that are sent. The caller becomes the owner, unless `paused` is the only "
    "property.",
    response_description="The updated schedule.",
    tags=["Schedules"],
    security=needs("schedules:manage"),
)
def handle_patch_schedule(schedule_id: ScheduleId, body: ScheduleChanges) -> ScheduleView:
    """Handles PATCH: changes the properties in the body and returns the schedule."""
    return show_schedule(database(), caller_of(router), _schedules().change(schedule_id, body))


@router.delete(
    "/api/v1/schedules/<schedule_id>",
    operation_id="deleteSchedule",
    summary="Delete a schedule",
    status_code=HTTPStatus.NO_CONTENT,
    description="Deletes a schedule and the list of its runs. Its reports are kept.",
    response_description="The schedule was deleted.",
    tags=["Schedules"],
    security=needs("schedules:manage"),
)
def handle_delete_schedule(schedule_id: ScheduleId) -> Response[None]:
    """Handles DELETE: deletes the schedule and returns 204."""
    _schedules().delete(schedule_id)
    return Response(HTTPStatus.NO_CONTENT)


@router.get(
    "/api/v1/schedules/<schedule_id>/preview",
    operation_id="previewSchedule",
    summary="Preview the runs of a schedule",
    description="Shows the next runs of a schedule as if it were neither paused nor blocked.",
    response_description="The next runs.",
    tags=["Schedules"],
    security=needs("schedules:manage"),
)
def handle_get_preview(schedule_id: ScheduleId, count: _Count = 10) -> PreviewView:
    """Handles GET: returns the next runs of a schedule."""
    schedule = _schedules().find(schedule_id)
    run_period = RunPeriod(schedule.period, schedule.week_starts_on or week_start_of(schedule.request))
    return preview_runs(schedule.check_timing(), run_period, schedule.ends_at, datetime.now(UTC), count)


@router.get(
    "/api/v1/schedules/<schedule_id>/runs",
    operation_id="listScheduleRuns",
    summary="List the runs of a schedule",
    description="Lists the runs of a schedule, latest first, in pages.",
    response_description="A page of runs.",
    tags=["Schedules"],
    security=needs("schedules:manage"),
)
def handle_get_runs(
    schedule_id: ScheduleId,
    limit: _Limit = 50,
    cursor: Annotated[
        str | None,
        Query(json_schema_extra={"pattern": RUN_CURSOR_PATTERN}, description="Position of the page, as in `next`."),
    ] = None,
) -> RunList:
    """Handles GET: returns a page of the runs of a schedule."""
    return show_runs(database(), caller_of(router), schedule_id, PageQuery(limit, cursor), base_url(router))


@router.post(
    "/api/v1/schedules/<schedule_id>/run",
    operation_id="runSchedule",
    summary="Run a schedule now",
    status_code=HTTPStatus.ACCEPTED,
    description="Requests the report of a schedule for its period as of today. The report has the scopes of the "
    "caller, who also needs `reports:write`. The run is added to the list of runs; the next run does not change.",
    response_description="The report, which is PENDING.",
    tags=["Schedules"],
    security=needs("schedules:manage"),
)
def handle_post_run(schedule_id: ScheduleId) -> Response[ReportView]:
    """Handles POST: returns 202 with the report, `Location` and `Retry-After`."""
    key = router.current_event.headers.get("Idempotency-Key")
    caller = caller_of(router)
    report = run_schedule(_schedules().find(schedule_id), caller, partial(_send, key))
    return accepted(show_report(report, base_url(router), caller))


@router.post(
    "/api/v1/schedules/<schedule_id>/backfill",
    operation_id="backfillSchedule",
    summary="Run a schedule for past times",
    description="Requests the reports of the past runs on some days, with the periods that these runs had or would "
    "have had. The reports have the scopes of the caller, who also needs `reports:write`. Each run is started at most "
    "once, so the request can be repeated.",
    response_description="The runs on these days.",
    tags=["Schedules"],
    security=needs("schedules:manage"),
)
def handle_post_backfill(schedule_id: ScheduleId, body: BackfillRequest) -> BackfillView:
    """Handles POST: returns the runs, and the report of each that has one."""
    schedule = _schedules().find(schedule_id)
    return backfill_schedule(database(), schedule, caller_of(router), body, partial(_send, None))


def _send(key: str | None, caller: Caller, request: ReportRequest, run: StartedRun) -> Report:
    more_errors = rules().errors_of(request)
    return request_report(database(), queue(), caller, request, key, more_errors=more_errors, run=run)[0]


def _schedules() -> Schedules:
    return Schedules(database(), caller_of(router), rules())
