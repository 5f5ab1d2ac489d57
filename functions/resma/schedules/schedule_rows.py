"""The rows of `resma.schedules` and `resma.schedule_runs`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, LiteralString
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from resma.database.locks import AdvisoryLock, acquire_lock
from resma.i18n.locales import Weekday
from resma.request_errors import ScheduleNotFoundError, TooManySchedulesError
from resma.schedules.periods import Period
from resma.schedules.times import ScheduleTiming, read_timing

MAX_SCHEDULES = 100
"""Maximum number of schedules per tenant."""

ENDED_DETAIL = "There is no further run before `endsAt`. Set a later `endsAt` to continue."

MisfirePolicy = Literal["skip", "run-once", "run-all"]
ScheduleStatus = Literal["ACTIVE", "PAUSED", "ENDED", "BLOCKED"]
RunOutcome = Literal["STARTED", "SKIPPED", "REFUSED"]
RunTrigger = Literal["schedule", "manual", "backfill"]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """One row of `resma.schedules`. Times are in UTC."""

    tenant_id: str
    schedule_id: str
    name: str
    request: dict[str, Any]
    """The request as JSON (`serialize_request`)."""
    pdf_key: dict[str, Any] | None = field(repr=False)
    """Sealed key of the PDF files of its reports; None if they are not encrypted."""
    recurrence: str
    """A keyword or a cron expression."""
    at: str | None
    time_zone: str
    calendar: str | None
    period: Period | None
    week_starts_on: Weekday | None
    """First day of the week; None: that of the request's locale."""
    misfire_policy: MisfirePolicy
    ends_at: datetime | None
    status: ScheduleStatus
    status_detail: str | None
    next_run_at: datetime | None
    due_at: datetime | None
    held_since: datetime | None
    owner: str
    """`subject` of the caller who changed the schedule last."""
    owner_scopes: list[str]
    """Scopes of the owner at the last change."""
    written_at: datetime
    created_at: datetime

    @property
    def timing(self) -> ScheduleTiming:
        """Timing of the runs. It was validated when the schedule was changed, and is not validated again."""
        return ScheduleTiming(self.recurrence, self.at, self.time_zone, self.calendar)

    def check_timing(self) -> ScheduleTiming:
        """Returns the timing of the runs. Raises RequestInvalidError if the time zone or country has become unknown."""
        return read_timing(self.recurrence, self.at, self.time_zone, self.calendar)


@dataclass(frozen=True, kw_only=True)
class NewRun:
    """Outcome of one scheduled time, or of a run that a caller started.

    If it is SKIPPED without a report, it also stands for the earlier times that its `detail` counts. If it is SKIPPED
    with a report, the data did not meet a condition of the request.
    """

    scheduled_for: datetime
    outcome: RunOutcome
    report_id: UUID | None = None
    detail: str | None = None
    trigger: RunTrigger = "schedule"
    """`schedule` if its time was due. Otherwise a caller ran the schedule now, or for past times."""
    started_by: str | None = None
    """`subject` of this caller."""


@dataclass(frozen=True, kw_only=True)
class ScheduleRun(NewRun):
    """One row of `resma.schedule_runs`, the history of a schedule."""

    started_at: datetime


def next_run(timing: ScheduleTiming, ends_at: datetime | None, after: datetime) -> datetime | None:
    """Returns the time of the next run after a timestamp; None if it would be after `ends_at`."""
    run = next(timing.runs_after(after), None)
    return None if run is None or (ends_at is not None and run.at > ends_at) else run.at


COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in Schedule.__dataclass_fields__)
_RUN_COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in ScheduleRun.__dataclass_fields__)
_NOT_FOUND = "The schedule does not exist. GET /api/v1/schedules lists your schedules."


def insert_schedule(connection: Connection[TupleRow], new: Mapping[str, Any]) -> Schedule:
    """Inserts a schedule; `new` has its values by column. Raises TooManySchedulesError."""
    tenant_id = new["tenant_id"]
    # Without the lock, concurrent requests could exceed the limit.
    acquire_lock(connection, AdvisoryLock.SCHEDULES, tenant_id)
    counted = connection.execute("SELECT count(*) FROM resma.schedules WHERE tenant_id = %s", (tenant_id,)).fetchone()
    if counted is not None and counted[0] >= MAX_SCHEDULES:
        raise TooManySchedulesError(f"You have the maximum of {MAX_SCHEDULES} schedules. Delete one first.")
    with connection.cursor(row_factory=class_row(Schedule)) as cursor:
        cursor.execute(
            sql.SQL("INSERT INTO resma.schedules ({}) VALUES ({}) RETURNING {}").format(
                sql.SQL(", ").join(map(sql.Identifier, new)), sql.SQL(", ").join(map(sql.Placeholder, new)), COLUMNS
            ),
            _adapted(new),
        )
        row = cursor.fetchone()
    assert row is not None  # it was just inserted
    return row


def find_schedule(
    connection: Connection[TupleRow], tenant_id: str, schedule_id: str, *, for_update: bool = False
) -> Schedule:
    """Returns the tenant's schedule. Raises ScheduleNotFoundError, also for another tenant's schedule."""
    with connection.cursor(row_factory=class_row(Schedule)) as cursor:
        cursor.execute(
            sql.SQL("SELECT {} FROM resma.schedules WHERE tenant_id = %s AND schedule_id = %s {}").format(
                COLUMNS, sql.SQL("FOR UPDATE" if for_update else "")
            ),
            (tenant_id, schedule_id),
        )
        if (row := cursor.fetchone()) is None:
            raise ScheduleNotFoundError(_NOT_FOUND)
        return row


def update_schedule(
    connection: Connection[TupleRow], tenant_id: str, schedule_id: str, changes: Mapping[str, Any]
) -> Schedule:
    """Updates the columns in `changes`, and returns the row. Raises ScheduleNotFoundError."""
    assignments = [sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in changes]
    with connection.cursor(row_factory=class_row(Schedule)) as cursor:
        cursor.execute(
            sql.SQL(
                "UPDATE resma.schedules SET {} WHERE tenant_id = %(tenant_id)s AND schedule_id = %(schedule_id)s"
                " RETURNING {}"
            ).format(sql.SQL(", ").join(assignments), COLUMNS),
            {**_adapted(changes), "tenant_id": tenant_id, "schedule_id": schedule_id},
        )
        if (row := cursor.fetchone()) is None:
            raise ScheduleNotFoundError(_NOT_FOUND)
        return row


def delete_schedule(connection: Connection[TupleRow], tenant_id: str, schedule_id: str) -> None:
    """Deletes a schedule and its history, but not its reports. Raises ScheduleNotFoundError."""
    result = connection.execute(
        "DELETE FROM resma.schedules WHERE tenant_id = %s AND schedule_id = %s", (tenant_id, schedule_id)
    )
    if result.rowcount == 0:
        raise ScheduleNotFoundError(_NOT_FOUND)


def list_schedules(
    connection: Connection[TupleRow], tenant_id: str, after: tuple[datetime, str] | None, limit: int
) -> list[Schedule]:
    """Returns up to `limit` of the tenant's schedules, newest first, after the one with this `created_at` and id."""
    created_at, schedule_id = after or (None, None)
    with connection.cursor(row_factory=class_row(Schedule)) as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT {} FROM resma.schedules WHERE tenant_id = %(tenant_id)s"
                " AND (%(created_at)s::timestamptz IS NULL"
                " OR (created_at, schedule_id) < (%(created_at)s, %(schedule_id)s))"
                " ORDER BY created_at DESC, schedule_id DESC LIMIT %(limit)s"
            ).format(COLUMNS),
            {"tenant_id": tenant_id, "created_at": created_at, "schedule_id": schedule_id, "limit": limit},
        )
        return cursor.fetchall()


def last_runs(connection: Connection[TupleRow], tenant_id: str, schedule_ids: list[str]) -> dict[str, ScheduleRun]:
    """Returns the latest run of each of these schedules, by schedule id. Schedules without a run are omitted."""
    found = connection.execute(
        sql.SQL(
            "SELECT wanted.schedule_id, run.* FROM unnest(%s::text[]) AS wanted (schedule_id) CROSS JOIN LATERAL"
            " (SELECT {} FROM resma.schedule_runs WHERE tenant_id = %s AND schedule_id = wanted.schedule_id"
            " ORDER BY scheduled_for DESC LIMIT 1) AS run"
        ).format(_RUN_COLUMNS),
        (schedule_ids, tenant_id),
    ).fetchall()
    names = tuple(ScheduleRun.__dataclass_fields__)
    return {row[0]: ScheduleRun(**dict(zip(names, row[1:], strict=True))) for row in found}


def list_runs(
    connection: Connection[TupleRow], tenant_id: str, schedule_id: str, before: datetime | None, limit: int
) -> list[ScheduleRun]:
    """Returns up to `limit` runs of a schedule, the latest first, whose scheduled time is before `before`."""
    with connection.cursor(row_factory=class_row(ScheduleRun)) as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT {} FROM resma.schedule_runs WHERE tenant_id = %(tenant_id)s AND schedule_id = %(schedule_id)s"
                " AND (%(before)s::timestamptz IS NULL OR scheduled_for < %(before)s)"
                " ORDER BY scheduled_for DESC LIMIT %(limit)s"
            ).format(_RUN_COLUMNS),
            {"tenant_id": tenant_id, "schedule_id": schedule_id, "before": before, "limit": limit},
        )
        return cursor.fetchall()


def record_run(connection: Connection[TupleRow], schedule: Schedule, run: NewRun) -> None:
    """Inserts the outcome of a scheduled time. The primary key prevents a second row for the same time."""
    connection.execute(_INSERT_RUN, _run_values(schedule, run))


def record_backfilled_run(connection: Connection[TupleRow], schedule: Schedule, run: NewRun) -> bool:
    """Inserts a run, or replaces one without a report, whose detail is kept. Returns False if the run has a report."""
    row = connection.execute(
        f"{_INSERT_RUN} ON CONFLICT (tenant_id, schedule_id, scheduled_for) DO UPDATE"
        " SET started_at = clock_timestamp(), outcome = excluded.outcome, report_id = excluded.report_id,"
        " detail = 'Before the backfill: ' || run.detail, trigger = excluded.trigger, started_by = excluded.started_by"
        " WHERE run.report_id IS NULL RETURNING scheduled_for",
        _run_values(schedule, run),
    ).fetchone()
    return row is not None


_INSERT_RUN: LiteralString = (
    "INSERT INTO resma.schedule_runs AS run"
    " (tenant_id, schedule_id, scheduled_for, outcome, report_id, detail, trigger, started_by)"
    " VALUES (%(tenant_id)s, %(schedule_id)s, %(scheduled_for)s, %(outcome)s, %(report_id)s, %(detail)s, %(trigger)s,"
    " %(started_by)s)"
)


def _run_values(schedule: Schedule, run: NewRun) -> dict[str, Any]:
    return {**vars(run), "tenant_id": schedule.tenant_id, "schedule_id": schedule.schedule_id}


def find_started(
    connection: Connection[TupleRow], tenant_id: str, schedule_id: str, first: datetime, last: datetime
) -> dict[datetime, UUID]:
    """Returns the reports of the runs from `first` to `last`, by scheduled time."""
    return dict(
        connection.execute(
            "SELECT scheduled_for, report_id FROM resma.schedule_runs WHERE tenant_id = %s AND schedule_id = %s"
            " AND scheduled_for BETWEEN %s AND %s AND report_id IS NOT NULL",
            (tenant_id, schedule_id, first, last),
        ).fetchall()
    )


def is_recorded(connection: Connection[TupleRow], schedule: Schedule, scheduled_for: datetime) -> bool:
    """Returns whether the outcome of a scheduled time is recorded."""
    row = connection.execute(
        "SELECT FROM resma.schedule_runs WHERE tenant_id = %s AND schedule_id = %s AND scheduled_for = %s",
        (schedule.tenant_id, schedule.schedule_id, scheduled_for),
    ).fetchone()
    return row is not None


def _adapted(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: Jsonb(value) if name in {"request", "pdf_key"} and value is not None else value
        for name, value in values.items()
    }
