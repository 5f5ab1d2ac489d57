"""Runs a schedule as a request of the caller: now, or for past times (backfill)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from time import monotonic
from typing import TYPE_CHECKING
from uuid import UUID

from api.schedules.models import BackfilledRun, BackfillOutcome, BackfillRequest, BackfillView, StopView
from resma.access.caller import Caller, require_scope
from resma.database.connection import Database
from resma.request_errors import FieldError, QuotaExceededError, RequestInvalidError
from resma.requests.report_request import ReportRequest
from resma.requests.submit import StartedRun, check_request
from resma.schedules.periods import days_of
from resma.schedules.request import fill_request, has_receivers, week_start_of
from resma.schedules.schedule_rows import NewRun, RunTrigger, find_started, record_backfilled_run, record_run

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import TupleRow

    from resma.jobs.report_rows import Report
    from resma.schedules.schedule_rows import Schedule

MAX_BACKFILLED_RUNS = 366
"""Maximum number of runs in the range of a backfill: a year of days."""

MAX_SECONDS = 20.0
"""Maximum time in which a backfill starts runs. API Gateway ends a request after 29 seconds."""

_FIRST_YEAR = 1970

_INSTANT = timedelta(microseconds=1)

Send = Callable[[Caller, ReportRequest, StartedRun], "Report"]
"""Function that requests the report of a run, as `POST /api/v1/reports/generate` does."""


class _AlreadyStartedError(Exception):
    """Another request has started the run in the meantime."""


def run_schedule(schedule: Schedule, caller: Caller, send: Send) -> Report:
    """Requests the report of a schedule for its period as of today, with the scopes of the caller.

    The run is recorded in the schedule's history; the next run does not change. Raises ScopeMissingError if the caller
    does not have `reports:write`, RequestInvalidError if the request is no longer valid, and the errors of `send`.
    """
    require_scope(caller, "reports:write")
    now = datetime.now(UTC)
    # Scheduled times are whole minutes, so this run never has the time of another one.
    at = now if now.microsecond else now + _INSTANT

    def record(connection: Connection[TupleRow], report: Report) -> None:
        record_run(connection, schedule, _new_run(caller, report, at, "manual"))

    schedule.check_timing()
    return send(_limit_scopes(caller, schedule), _request_at(schedule, at), StartedRun(schedule.schedule_id, record))


def backfill_schedule(
    database: Database, schedule: Schedule, caller: Caller, backfill: BackfillRequest, send: Send
) -> BackfillView:
    """Requests the reports of past runs, with the periods that they would have had, and the scopes of the caller.

    Each run is started at most once: safe to call twice and concurrently. Stops if a quota is used up, and after
    `MAX_SECONDS`. Raises ScopeMissingError, RequestInvalidError, QuotaExceededError if no run could be started, and the
    errors of `send`.
    """
    until = monotonic() + MAX_SECONDS
    require_scope(caller, "reports:write")
    times = list(_times(schedule, backfill, datetime.now(UTC)))
    started: dict[datetime, UUID] = {}
    if times:
        check_request(_limit_scopes(caller, schedule), _request_at(schedule, times[0]))
        with database.transaction(schedule.tenant_id) as connection:
            started = find_started(connection, schedule.tenant_id, schedule.schedule_id, times[0], times[-1])
    runs = _Backfill(schedule, caller, send, started, until, is_dry_run=backfill.dry_run)
    views = [runs.view(at) for at in times]
    return BackfillView(runs=views, started=runs.count, stopped=runs.stop)


@dataclass
class _Backfill:
    """Starts runs one after another."""

    schedule: Schedule
    caller: Caller
    send: Send
    started: dict[datetime, UUID]
    """Reports of runs that were started before, by scheduled time."""
    until: float
    """Time of `monotonic` after which no further run is started."""
    is_dry_run: bool
    """Whether no run is started."""
    count: int = 0
    stop: StopView | None = None
    """Limit after which no further run is started."""

    def view(self, at: datetime) -> BackfilledRun:
        """Starts the run of a scheduled time, if necessary and possible. Returns its outcome."""
        schedule = self.schedule
        report_id: UUID | None = self.started.get(at)
        outcome: BackfillOutcome
        if report_id is not None:
            outcome = "ALREADY_STARTED"
        elif schedule.next_run_at is not None and at >= schedule.next_run_at:
            outcome = "DUE"
        else:
            outcome, report_id = self._start(at)
        first, last = None, None
        if schedule.period is not None:
            week = schedule.week_starts_on or week_start_of(schedule.request)
            first, last = days_of(schedule.period, at.astimezone(schedule.timing.zone).date(), week)
        values = {"scheduled_for": at, "from": first, "to": last, "outcome": outcome, "report_id": report_id}
        return BackfilledRun.model_validate(values)

    def _start(self, at: datetime) -> tuple[BackfillOutcome, UUID | None]:
        if not self.is_dry_run and self.stop is None and monotonic() > self.until:
            detail = f"Not all runs could be started within {MAX_SECONDS:.0f} seconds. Send the request again."
            self.stop = StopView(code="time-limit-reached", detail=detail, retry_after_seconds=0)
        if self.is_dry_run or self.stop is not None:
            return "NOT_STARTED", None

        def record(connection: Connection[TupleRow], report: Report) -> None:
            run = _new_run(self.caller, report, at, "backfill")
            if not record_backfilled_run(connection, self.schedule, run):
                raise _AlreadyStartedError

        run = StartedRun(self.schedule.schedule_id, record)
        try:
            report = self.send(_limit_scopes(self.caller, self.schedule), _request_at(self.schedule, at), run)
        except _AlreadyStartedError:
            return "ALREADY_STARTED", None
        except QuotaExceededError as error:
            if not self.count:
                raise
            seconds = math.ceil(error.seconds)
            self.stop = StopView(code=error.code, detail=error.detail, retry_after_seconds=seconds)
            return "NOT_STARTED", None
        self.count += 1
        return "STARTED", report.report_id


def _times(schedule: Schedule, backfill: BackfillRequest, now: datetime) -> Iterator[datetime]:
    """Yields the scheduled times up to now on the days of a backfill. Raises RequestInvalidError."""
    timing = schedule.check_timing()
    today = now.astimezone(timing.zone).date()
    field_errors = []
    if backfill.from_.year < _FIRST_YEAR:
        field_errors.append(FieldError("/from", f"It must be later than {_FIRST_YEAR - 1}-12-31."))
    if backfill.from_ > today:
        field_errors.append(FieldError("/from", "It must not be in the future."))
    if backfill.to < backfill.from_:
        field_errors.append(FieldError("/to", f"It must not be before from ({backfill.from_})."))
    if field_errors:
        raise RequestInvalidError.of(field_errors)
    start = datetime.combine(backfill.from_, time.min, timing.zone).astimezone(UTC)
    end = datetime.combine(min(backfill.to, today), time.max, timing.zone).astimezone(UTC)
    until = min(end, now) if schedule.ends_at is None else min(end, now, schedule.ends_at)
    times = list(islice(timing.run_times(start - _INSTANT, until), MAX_BACKFILLED_RUNS + 1))
    if len(times) > MAX_BACKFILLED_RUNS:
        detail = f"There are more than {MAX_BACKFILLED_RUNS} runs on these days. Choose fewer days."
        raise RequestInvalidError.of([FieldError("/to", detail)])
    return iter(times)


def _new_run(caller: Caller, report: Report, at: datetime, trigger: RunTrigger) -> NewRun:
    return NewRun(
        scheduled_for=at,
        outcome="STARTED",
        report_id=report.report_id,
        trigger=trigger,
        started_by=caller.subject,
    )


def _request_at(schedule: Schedule, at: datetime) -> ReportRequest:
    """Returns the request of a run, with the period that it has on its day."""
    day: date = at.astimezone(schedule.timing.zone).date()
    return fill_request(schedule.request, schedule.period, day, schedule.time_zone, schedule.week_starts_on)


def _limit_scopes(caller: Caller, schedule: Schedule) -> Caller:
    """Returns the caller, without `personal:read` if an owner without this scope chose the receivers."""
    if not has_receivers(schedule.request) or "personal:read" in schedule.owner_scopes:
        return caller
    return replace(caller, scopes=caller.scopes - {"personal:read"})
