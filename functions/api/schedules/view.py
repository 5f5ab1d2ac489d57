"""Converts schedules and their runs to their JSON models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from api.auth.subject_names import name_subjects
from api.http.cursor import cursor_invalid, next_page, read_cursor, read_microseconds, write_cursor, write_microseconds
from api.http.page_size import fitting
from api.schedules.models import RunList, RunView, ScheduleList, ScheduleView
from resma.access.caller import Caller, subject_for
from resma.database.connection import Database
from resma.jobs.personal_data import mask_filters
from resma.jobs.report_rows import ReportCursor
from resma.schedules.owners import find_owner_expirations
from resma.schedules.schedule_rows import Schedule, ScheduleRun, find_schedule, last_runs, list_runs, list_schedules

RUN_CURSOR_PATTERN = "^[0-9]{1,16}$"
"""Pattern of a cursor in a list of runs: microseconds since 1970."""

_PREFIX = "sch_"


def show_schedule(database: Database, caller: Caller, schedule: Schedule) -> ScheduleView:
    """Returns the JSON model of a schedule with its last run, with personal filters masked if necessary."""
    with database.transaction(schedule.tenant_id) as connection:
        (view,) = _view_all(connection, caller, [schedule])
    return view


@dataclass(frozen=True)
class PageQuery:
    """Page of a list that a caller requests."""

    limit: int
    cursor: str | None


def show_schedules(database: Database, caller: Caller, query: PageQuery, base_url: str) -> ScheduleList:
    """Returns a page of the tenant's schedules, newest first. Raises RequestInvalidError for an invalid cursor."""
    after = None
    if query.cursor is not None:
        position = read_cursor(query.cursor)
        after = (position.created_at, f"{_PREFIX}{position.report_id.hex}")
    with database.transaction(caller.tenant_id) as connection:
        # One more shows whether a next page exists.
        schedules = list_schedules(connection, caller.tenant_id, after, query.limit + 1)
        items = fitting(_view_all(connection, caller, schedules[: query.limit]))
    following = None
    if len(schedules) > len(items):
        last = schedules[len(items) - 1]
        position = ReportCursor(last.created_at, UUID(last.schedule_id.removeprefix(_PREFIX)))
        following = next_page(f"{base_url}/api/v1/schedules", {"limit": query.limit}, write_cursor(position))
    return ScheduleList(items=items, next=following)


def show_runs(database: Database, caller: Caller, schedule_id: str, query: PageQuery, base_url: str) -> RunList:
    """Returns a page of the runs of a schedule, latest first.

    Raises ScheduleNotFoundError, and RequestInvalidError for an invalid cursor.
    """
    tenant_id = caller.tenant_id
    before = None if query.cursor is None else _read_run_cursor(query.cursor)
    with database.transaction(tenant_id) as connection:
        find_schedule(connection, tenant_id, schedule_id)
        runs = list_runs(connection, tenant_id, schedule_id, before, query.limit + 1)
        names = name_subjects(connection, tenant_id, (run.started_by for run in runs if run.started_by))
    items = fitting([_run_view(run, caller, names) for run in runs[: query.limit]])
    following = None
    if len(runs) > len(items):
        url = f"{base_url}/api/v1/schedules/{schedule_id}/runs"
        following = next_page(url, {"limit": query.limit}, write_microseconds(runs[len(items) - 1].scheduled_for))
    return RunList(items=items, next=following)


def _read_run_cursor(cursor: str) -> datetime:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 16):
        raise cursor_invalid()
    return read_microseconds(cursor)


def _view_all(connection: Connection[TupleRow], caller: Caller, schedules: list[Schedule]) -> list[ScheduleView]:
    """Returns the JSON models of schedules. The number of queries does not depend on the number of schedules."""
    runs = last_runs(connection, caller.tenant_id, [schedule.schedule_id for schedule in schedules])
    ends = find_owner_expirations(connection, caller.tenant_id, schedules)
    subjects = [schedule.owner for schedule in schedules] + [run.started_by for run in runs.values() if run.started_by]
    names = name_subjects(connection, caller.tenant_id, subjects)
    return [
        _view(
            caller,
            schedule,
            runs.get(schedule.schedule_id),
            _Owner(names.get(schedule.owner), ends[schedule.schedule_id]),
            names,
        )
        for schedule in schedules
    ]


@dataclass(frozen=True)
class _Owner:
    name: str | None
    expires_at: datetime | None


def _view(
    caller: Caller, schedule: Schedule, last_run: ScheduleRun | None, owner: _Owner, names: Mapping[str, str]
) -> ScheduleView:
    return ScheduleView(
        id=schedule.schedule_id,
        name=schedule.name,
        request=_shown_request(caller, schedule.request),
        when=schedule.recurrence,
        at=schedule.at,
        time_zone=schedule.time_zone,
        period=schedule.period,
        week_starts_on=schedule.week_starts_on,
        calendar=schedule.calendar,
        misfire_policy=schedule.misfire_policy,
        ends_at=schedule.ends_at,
        paused=schedule.status == "PAUSED",
        status=schedule.status,
        status_detail=schedule.status_detail,
        owner=subject_for(caller, schedule.owner),
        owner_name=owner.name,
        owner_expires_at=owner.expires_at,
        created_at=schedule.created_at,
        next_run_at=schedule.next_run_at,
        last_run=_run_view(last_run, caller, names) if last_run else None,
    )


def _shown_request(caller: Caller, request: dict[str, Any]) -> dict[str, Any]:
    """Returns a request with personal filters masked, unless the caller has `personal:read`."""
    if "filters" not in request or "personal:read" in caller.scopes:
        return request
    return {**request, "filters": mask_filters(request["type"], request["filters"])}


def _run_view(run: ScheduleRun, caller: Caller, names: Mapping[str, str]) -> RunView:
    return RunView(
        scheduled_for=run.scheduled_for,
        started_at=run.started_at,
        report_id=run.report_id,
        outcome=run.outcome,
        detail=run.detail,
        trigger=run.trigger,
        started_by=run.started_by and subject_for(caller, run.started_by),
        started_by_name=names.get(run.started_by or ""),
    )
