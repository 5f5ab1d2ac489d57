"""Scheduler task: requests the reports of due schedules, each run exactly once, with the permissions of its owner.

A run is one transaction: it locks the schedule's row, inserts the report, records the run and sets the next time. So
each scheduled time is either run once or still due, even if several scheduler runs overlap or one is interrupted.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from aws_lambda_powertools import Logger
from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row

from resma.aws.metrics import Metric, emit
from resma.errors import DatabaseUnavailableError
from resma.jobs.queue import send_jobs
from resma.jobs.report_rows import Report
from resma.request_errors import OwnerNotAuthorizedError, QuotaExceededError, RequestInvalidError, ScopeMissingError
from resma.requests.submit import admit_report, check_request, record_request, with_pdf_key
from resma.schedules.owners import owner_as_caller
from resma.schedules.request import fill_request
from resma.schedules.schedule_rows import (
    COLUMNS,
    ENDED_DETAIL,
    NewRun,
    Schedule,
    is_recorded,
    next_run,
    record_run,
    update_schedule,
)
from scheduler.misfires import SHIFT, as_known_today, plan_run
from scheduler.resources import BATCH, IsTimeLeft, SchedulerResources

logger = Logger(child=True)

RUNS_PER_SCHEDULER_RUN = 10
"""Maximum number of runs of one schedule that a scheduler run starts. The next scheduler run continues."""

MAX_STARTS = 1000
"""Maximum number of runs of all schedules that a scheduler run starts, so that its other tasks have time."""

HOLD = timedelta(minutes=30)
"""How long a run is retried each minute while its tenant's quota is used up; after that it is refused."""

PAUSE = timedelta(seconds=30)
"""Pause that makes a schedule due again in the next scheduler run."""

FAILURE_PAUSE = timedelta(minutes=5)
"""Pause after an unexpected error in a schedule, so that it does not block the schedules after it."""

_MAX_FIELD_ERRORS = 5
"""Maximum number of field errors in the detail of a refused run."""

_DUE = sql.SQL("status = 'ACTIVE' AND due_at <= statement_timestamp()")
"""Compares with `statement_timestamp()`: Postgres cannot search an index for a volatile value (`clock_timestamp()`)."""


def start_due_schedules(resources: SchedulerResources, is_time_left: IsTimeLeft) -> int:
    """Starts the runs that are due, tenants in turn; returns how many reports were requested."""
    seen: set[tuple[str, str]] = set()
    started = 0
    while batch := [due for due in _find_due(resources) if due not in seen]:
        for tenant_id, schedule_id in batch:
            if started >= MAX_STARTS or not is_time_left():
                break
            seen.add((tenant_id, schedule_id))
            if starts := _start_schedule(resources, tenant_id, schedule_id):
                send_jobs(resources.system, resources.queue, tenant_id, starts)
                started += len(starts)
        if started >= MAX_STARTS or not is_time_left():
            break
    return started


def _find_due(resources: SchedulerResources) -> list[tuple[str, str]]:
    with resources.system.transaction(None) as connection:
        return connection.execute(
            sql.SQL(
                "SELECT tenant_id, schedule_id FROM resma.schedules WHERE {}"
                " ORDER BY row_number() OVER (PARTITION BY tenant_id ORDER BY due_at), due_at LIMIT %s"
            ).format(_DUE),
            (BATCH,),
        ).fetchall()


def _start_schedule(resources: SchedulerResources, tenant_id: str, schedule_id: str) -> list[UUID]:
    """Runs a schedule as often as it is due, each time in a transaction of its own; returns the reports requested."""
    started: list[UUID] = []
    try:
        for left in reversed(range(RUNS_PER_SCHEDULER_RUN)):
            with resources.system.transaction(tenant_id) as connection:
                locked = _lock_due(connection, tenant_id, schedule_id)
                if locked is None:  # not due anymore, paused, deleted, or locked by another scheduler run
                    break
                schedule, now = locked
                report = _run_as_known_today(connection, schedule, now, resources.stage, is_last=left == 0)
            if report is not None:
                logger.info(
                    "a schedule was run", schedule_id=schedule_id, report_id=str(report.report_id), tenant_id=tenant_id
                )
                record_request(report)
                started.append(report.report_id)
    except DatabaseUnavailableError:
        raise
    except Exception:  # a schedule that cannot be run must not block the schedules after it
        logger.exception("a schedule cannot be run", schedule_id=schedule_id)
        with resources.system.transaction(tenant_id) as connection:
            connection.execute(
                "UPDATE resma.schedules SET due_at = clock_timestamp() + %s"
                " WHERE tenant_id = %s AND schedule_id = %s AND status = 'ACTIVE'",
                (FAILURE_PAUSE, tenant_id, schedule_id),
            )
    return started


def _lock_due(connection: Connection[TupleRow], tenant_id: str, schedule_id: str) -> tuple[Schedule, datetime] | None:
    """Locks a schedule; returns it with the database's time, or None if it is not due or is locked by another run."""
    with connection.cursor(row_factory=class_row(Schedule)) as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT {} FROM resma.schedules WHERE tenant_id = %s AND schedule_id = %s AND {} FOR UPDATE SKIP LOCKED"
            ).format(COLUMNS, _DUE),
            (tenant_id, schedule_id),
        )
        schedule = cursor.fetchone()
    if schedule is None:
        return None
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    return schedule, row[0]


def _run_as_known_today(
    connection: Connection[TupleRow], schedule: Schedule, now: datetime, stage: str, *, is_last: bool
) -> Report | None:
    """Runs a schedule by the present time zone rules; returns the report requested, if any.

    Since the next run was computed, the rules of the time zone may have changed, or the zone may have been removed.
    """
    assert schedule.next_run_at is not None  # it is ACTIVE
    try:
        run_at = as_known_today(schedule.check_timing(), schedule.next_run_at)
    except RequestInvalidError as error:
        _block(connection, schedule, schedule.next_run_at, error)
        return None
    if run_at is None or run_at > now:
        _advance(connection, schedule, schedule.next_run_at - SHIFT, now, is_last=is_last)
        return None
    return _run_once(connection, replace(schedule, next_run_at=run_at), now, stage, is_last=is_last)


def _run_once(
    connection: Connection[TupleRow], schedule: Schedule, now: datetime, stage: str, *, is_last: bool
) -> Report | None:
    """Starts or skips the run that is due, and sets the next one; returns the report requested, if any."""
    plan = plan_run(schedule, now)
    if is_recorded(connection, schedule, plan.done_until):  # a server whose clock was behind has set `next_run_at`
        _advance(connection, schedule, plan.done_until, now, is_last=is_last)
        return None
    if plan.skipped is not None and not is_recorded(connection, schedule, plan.skipped[0]):
        last, detail = plan.skipped
        record_run(connection, schedule, NewRun(scheduled_for=last, outcome="SKIPPED", detail=detail))
    if plan.run_at is None:
        _advance(connection, schedule, plan.done_until, now, is_last=is_last)
        return None
    report = None
    try:
        with connection.transaction():
            report = _request_report(connection, schedule, plan.run_at, stage)
    except QuotaExceededError as error:
        if _may_hold(schedule, now, error.seconds):
            # This run becomes the next one, so that the skipped runs are not recorded again.
            held = {"next_run_at": plan.run_at, "held_since": schedule.held_since or now, "due_at": now + PAUSE}
            _update(connection, schedule, held)
            return None
        run = NewRun(scheduled_for=plan.run_at, outcome="REFUSED", detail=error.detail)
    except (OwnerNotAuthorizedError, RequestInvalidError, ScopeMissingError) as error:
        _block(connection, schedule, plan.run_at, error)
        return None
    else:
        run = NewRun(scheduled_for=plan.run_at, outcome="STARTED", report_id=report.report_id, detail=plan.detail)
    record_run(connection, schedule, run)
    _advance(connection, schedule, plan.done_until, now, is_last=is_last)
    return report


def _request_report(connection: Connection[TupleRow], schedule: Schedule, run_at: datetime, stage: str) -> Report:
    """Inserts the report of a run, with the owner's permissions. It is recorded as requested by the schedule."""
    owner = owner_as_caller(connection, schedule, stage)
    caller = replace(owner, subject=f"schedule:{schedule.schedule_id}")
    day = run_at.astimezone(schedule.timing.zone).date()
    request = fill_request(schedule.request, schedule.period, day, schedule.time_zone, schedule.week_starts_on)
    new = with_pdf_key(check_request(caller, request), schedule.pdf_key)
    new = replace(new, schedule_id=schedule.schedule_id)
    report, _ = admit_report(connection, new)
    return report


def _may_hold(schedule: Schedule, now: datetime, seconds: float) -> bool:
    """Returns whether the quota may be available again before HOLD is over."""
    return now + timedelta(seconds=seconds) < (schedule.held_since or now) + HOLD


def _block(
    connection: Connection[TupleRow],
    schedule: Schedule,
    run_at: datetime,
    error: OwnerNotAuthorizedError | RequestInvalidError | ScopeMissingError,
) -> None:
    """Sets the schedule to BLOCKED: a request that is invalid now stays invalid until the schedule is updated."""
    field_errors = "; ".join(
        f"{field_error.pointer}: {field_error.detail}" for field_error in error.field_errors[:_MAX_FIELD_ERRORS]
    )
    detail = error.detail
    if field_errors:
        detail = field_errors if isinstance(error, RequestInvalidError) else f"{error.detail} ({field_errors})"
    record_run(connection, schedule, NewRun(scheduled_for=run_at, outcome="REFUSED", detail=detail))
    blocked = {"status": "BLOCKED", "status_detail": detail}
    _update(connection, schedule, {**blocked, "next_run_at": None, "due_at": None, "held_since": None})
    schedule_id, tenant_id = schedule.schedule_id, schedule.tenant_id
    logger.warning("a schedule is blocked", schedule_id=schedule_id, tenant_id=tenant_id, code=error.code)
    emit({Metric.SCHEDULES_BLOCKED: 1}, about={"schedule_id": schedule_id, "tenant_id": tenant_id})


def _advance(
    connection: Connection[TupleRow], schedule: Schedule, done_until: datetime, now: datetime, *, is_last: bool
) -> None:
    """Sets the next run. A schedule that has used up RUNS_PER_SCHEDULER_RUN is due again after PAUSE."""
    following = next_run(schedule.timing, schedule.ends_at, done_until)
    due_at = now + PAUSE if is_last and following is not None and following <= now else following
    changes: dict[str, Any] = {"next_run_at": following, "due_at": due_at, "held_since": None}
    if following is None:
        changes |= {"status": "ENDED", "status_detail": ENDED_DETAIL}
    _update(connection, schedule, changes)


def _update(connection: Connection[TupleRow], schedule: Schedule, changes: dict[str, Any]) -> None:
    update_schedule(connection, schedule.tenant_id, schedule.schedule_id, changes)
