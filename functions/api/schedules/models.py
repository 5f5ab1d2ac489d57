"""JSON models of schedules."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, ConfigDict, Field

from api.http.timestamps import DATE_TIME_PATTERN
from resma.dates import find_missing_part
from resma.i18n.locales import Weekday
from resma.i18n.time_zones import TIME_ZONE_SCHEMA
from resma.json_models import SINGLE_LINE, SINGLE_LINE_SCHEMA, URI, RequestModel, ViewModel
from resma.request_errors import ScheduleNotFoundError
from resma.requests.report_request import ReportRequest
from resma.schedules.periods import Period
from resma.schedules.schedule_rows import MisfirePolicy, RunOutcome, RunTrigger, ScheduleStatus
from resma.schedules.times import DEFAULT_AT, WHEN_PATTERN

_SCHEDULE_ID = r"^sch_[0-9a-f]{32}$"
_YEARS = range(1970, 2200)


def _require_schedule_id(text: str) -> str:
    if re.fullmatch(_SCHEDULE_ID, text, re.ASCII) is None:
        raise ScheduleNotFoundError("This is not the id of a schedule. GET /api/v1/schedules lists your schedules.")
    return text


def _require_timestamp(value: object) -> object:
    """Rejects numbers and strings of other forms, which pydantic would accept."""
    if value is not None and not (isinstance(value, str) and re.fullmatch(DATE_TIME_PATTERN, value)):
        raise ValueError("It must be a timestamp with its offset from UTC, like 2025-12-31T23:59:59Z.")
    if value is not None and (detail := find_missing_part(value)):
        raise ValueError(detail)
    return value


def _require_supported_year(value: datetime | None) -> datetime | None:
    if value is not None and value.year not in _YEARS:
        raise ValueError(f"It must be a timestamp in the years {_YEARS.start} to {_YEARS.stop - 1}.")
    return value and value.astimezone(UTC)


def _unchanged() -> Any:
    """Returns a field without a default in the JSON Schema, because a property that is omitted keeps its value."""
    return Field(default_factory=lambda: None)


ScheduleId = Annotated[
    str,
    AfterValidator(_require_schedule_id),
    Path(description="Id of the schedule.", json_schema_extra={"pattern": _SCHEDULE_ID}),
]
_Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        json_schema_extra=SINGLE_LINE_SCHEMA,
        description="Name of the schedule.",
    ),
    SINGLE_LINE,
]
_Request = Annotated[
    ReportRequest,
    Field(
        description="Request of the reports, as for `POST /api/v1/reports/generate` but without `deduplicate`. "
        "`timeZone` is that of the schedule by default. In a change, `options.pdf.password` keeps its value if it is "
        "omitted, and null removes it."
    ),
]
_When = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        json_schema_extra={"format": "schedule-times", "pattern": WHEN_PATTERN},
        description="`daily`, `weekly` (on Monday), `monthly` (on the 1st), `first-business-day` "
        "(of the month), or a cron "
        "expression (minute, hour, day of the month, month, day of the week).",
    ),
]
_At = Annotated[
    str | None,
    Field(
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
        description=f"Local time of day, {DEFAULT_AT} by default. Not allowed with a cron expression.",
    ),
]
_TimeZone = Annotated[
    str,
    Field(
        max_length=100,
        json_schema_extra={**TIME_ZONE_SCHEMA},
        description="IANA name of the time zone of run times and periods.",
    ),
]
_Period = Annotated[
    Period | None,
    Field(
        description="Period that sets the filters `from` and `to`, relative to the day of the run in the time zone of "
        "the schedule."
    ),
]
_WeekStartsOn = Annotated[
    Weekday | None,
    Field(
        description="First day of the week for `this-week` and `last-week`. Null or omitted: the "
        "default of the request's "
        "locale (Unicode CLDR), such as Sunday for `en-US` and Monday for `de-DE`."
    ),
]
_Calendar = Annotated[
    Annotated[str, Field(pattern="^[A-Z]{2}$", json_schema_extra={"format": "country-code"})] | None,
    Field(description="ISO 3166-1 code of the country whose public holidays are skipped by `first-business-day`."),
]
_MisfirePolicy = Annotated[
    MisfirePolicy,
    Field(
        description="What happens to runs that could not start on time (misfires): `skip` all, `run-once` for the "
        "latest one, or `run-all`."
    ),
]
_EndsAt = Annotated[
    AwareDatetime | None,
    AfterValidator(_require_supported_year),
    BeforeValidator(_require_timestamp),
    Field(
        description="Timestamp after which the schedule does not run.", json_schema_extra={"pattern": DATE_TIME_PATTERN}
    ),
]


def _read_day(value: object) -> object:
    """Rejects numbers and strings of other forms, which pydantic would accept."""
    if not (isinstance(value, str) and re.fullmatch(_DAY_PATTERN, value, re.ASCII)):
        raise ValueError("It must be a date in the form YYYY-MM-DD.")
    if detail := find_missing_part(value):
        raise ValueError(detail)
    return value


_DAY_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_Day = Annotated[date, BeforeValidator(_read_day), Field(json_schema_extra={"pattern": _DAY_PATTERN})]
BackfillOutcome = Literal["STARTED", "NOT_STARTED", "ALREADY_STARTED", "DUE"]

_Paused = Annotated[
    bool,
    Field(
        strict=True,
        description="Whether the schedule is paused. Runs that are due while it is paused are not caught up.",
    ),
]


class PreviewRequest(RequestModel):
    """A schedule whose runs are previewed. Nothing is stored."""

    model_config = ConfigDict(
        title="PreviewScheduleRequest",
        json_schema_extra={"examples": [{"when": "monthly", "at": "06:00", "timeZone": "Europe/Lisbon"}]},
    )

    name: _Name | None = None
    request: _Request | None = None
    when: _When
    at: _At = None
    time_zone: _TimeZone = "UTC"
    period: _Period = None
    week_starts_on: _WeekStartsOn = None
    calendar: _Calendar = None
    misfire_policy: _MisfirePolicy = "run-once"
    ends_at: _EndsAt = None
    paused: _Paused = False


class ScheduleRequest(PreviewRequest):
    """A schedule to create."""

    model_config = ConfigDict(
        title="CreateScheduleRequest",
        json_schema_extra={
            "examples": [
                {
                    "name": "Monthly transactions",
                    "request": {"type": "TRANSACTIONS", "format": "PDF"},
                    "when": "monthly",
                    "at": "06:00",
                    "timeZone": "Europe/Lisbon",
                    "period": "last-month",
                }
            ]
        },
    )

    name: _Name
    request: _Request


class ScheduleChanges(RequestModel):
    """Changes of a schedule. A property that is omitted keeps its value; `request` is replaced as a whole."""

    model_config = ConfigDict(title="UpdateScheduleRequest", json_schema_extra={"examples": [{"paused": True}]})

    name: _Name = _unchanged()
    request: _Request = _unchanged()
    when: _When = _unchanged()
    at: _At = _unchanged()
    time_zone: _TimeZone = _unchanged()
    period: _Period = _unchanged()
    week_starts_on: _WeekStartsOn = _unchanged()
    calendar: _Calendar = _unchanged()
    misfire_policy: _MisfirePolicy = _unchanged()
    ends_at: _EndsAt = _unchanged()
    paused: _Paused = _unchanged()


class BackfillRequest(RequestModel):
    """Days whose past runs are started."""

    model_config = ConfigDict(
        title="BackfillScheduleRequest", json_schema_extra={"examples": [{"from": "2024-01-01", "to": "2024-01-31"}]}
    )

    from_: _Day = Field(alias="from", description="First day, in the time zone of the schedule.")
    to: _Day = Field(description="Last day, in the time zone of the schedule. It is included, up to the current time.")
    dry_run: bool = Field(
        default=False, strict=True, description="True: show the runs that would be started, and start none."
    )


class BackfilledRun(ViewModel):
    """A past time of a schedule, and what the backfill did about it."""

    scheduled_for: datetime = Field(description="When the run was due.")
    from_: date | None = Field(alias="from", description="First day of the period.")
    to: date | None = Field(description="Last day of the period.")
    outcome: BackfillOutcome = Field(
        description="`STARTED`, or `NOT_STARTED` in a dry run and after a quota or the time was used up. "
        "`ALREADY_STARTED`: the run has a report. `DUE`: the scheduler starts the run."
    )
    report_id: UUID | None = Field(description="Id of the run's report; null if it has none.")


class BackfillView(ViewModel):
    """Runs of a backfill."""

    model_config = ConfigDict(title="ScheduleBackfill")

    runs: list[BackfilledRun] = Field(description="Runs in the range, the earliest first.")
    started: int = Field(description="Number of runs that this request has started.")
    stopped: StopView | None = Field(
        description="Quota, or time limit, that was used up before all runs were started. Send the request again: runs "
        "that were started are not started twice. Otherwise null."
    )


class StopView(ViewModel):
    """Limit that ended a backfill."""

    model_config = ConfigDict(title="BackfillStopped")

    code: str = Field(description="Stable code of the limit, for programs.")
    detail: str = Field(description="The limit, and what to do.")
    retry_after_seconds: int = Field(description="Seconds after which another request can succeed.")


class RunView(ViewModel):
    """One run of a schedule."""

    model_config = ConfigDict(title="ScheduleRun")

    scheduled_for: datetime = Field(description="When the run was due. For a manual run: when it was started.")
    started_at: datetime = Field(description="When the run was processed.")
    report_id: UUID | None = Field(description="Id of the report; null if the run was not started.")
    outcome: RunOutcome = Field(
        description="Whether a report was requested. A run is also SKIPPED if its report is SKIPPED."
    )
    detail: str | None = Field(description="Reason why the run was not started, was late or was skipped.")
    trigger: RunTrigger = Field(
        description="`schedule`: the time was due. `manual`: a caller ran the schedule at that time. `backfill`: a "
        "caller started the run of a past time."
    )
    started_by: str | None = Field(description="Caller that started the run; null if its time was due.")
    started_by_name: str | None = Field(description="Current name of the caller's key.")


class ScheduleView(ViewModel):
    """A schedule with its status."""

    id: str = Field(description="Id of the schedule.")
    name: str = Field(description="Name of the schedule.")
    request: dict[str, Any] = Field(description="Request of the reports, as for `POST /api/v1/reports/generate`.")
    when: str = Field(description="`daily`, `weekly`, `monthly`, `first-business-day`, or a cron expression.")
    at: str | None = Field(description="Local time of day, HH:MM; null for a cron expression.")
    time_zone: str = Field(description="IANA name of the time zone of run times and periods.")
    period: Period | None = Field(description="Period that sets the filters `from` and `to`.")
    week_starts_on: Weekday | None = Field(
        description="First day of the week; null: the default of the request's locale."
    )
    calendar: str | None = Field(description="ISO 3166-1 code of the country whose public holidays are skipped.")
    misfire_policy: MisfirePolicy = Field(
        description="What happens to misfires, which are runs that could not start on time."
    )
    ends_at: datetime | None = Field(description="Timestamp after which the schedule does not run.")
    paused: bool = Field(description="Whether the schedule is paused.")
    pdf_encrypted: bool = Field(
        description="Whether PDF files of its reports are encrypted with a password, which is not shown."
    )
    status: ScheduleStatus = Field(description="Only an `ACTIVE` schedule runs.")
    status_detail: str | None = Field(description="Reason why the schedule does not run, and what to do.")
    owner: str = Field(description="Caller that last changed the schedule. Runs have the scopes of this caller.")
    owner_name: str | None = Field(description="Current name of the owner's key.")
    owner_expires_at: datetime | None = Field(
        description="When the access of the owner expires. The schedule is BLOCKED at the first run after that, "
        "unless you rotate the key or update the schedule before. For a rotated key it is the expiry of its "
        "replacement. Null: never."
    )
    created_at: datetime = Field(description="When the schedule was created.")
    next_run_at: datetime | None = Field(
        description="When the next run is due; null if the schedule will not run again."
    )
    last_run: RunView | None = Field(description="Latest run; null before the first one.")


class ScheduleList(ViewModel):
    """A page of schedules, newest first."""

    items: list[ScheduleView] = Field(description="Schedules of this page.")
    next: str | None = Field(description="URL of the next page; null on the last page.", json_schema_extra=URI)


class RunList(ViewModel):
    """A page of runs, latest first."""

    model_config = ConfigDict(title="ScheduleRunList")

    items: list[RunView] = Field(description="Runs of this page.")
    next: str | None = Field(description="URL of the next page; null on the last page.", json_schema_extra=URI)


class PreviewedRun(ViewModel):
    """A future run of a schedule."""

    model_config = ConfigDict(title="UpcomingRun")

    at: datetime = Field(description="When the run is due, in UTC.")
    local_time: datetime = Field(description="When the run is due, in the time zone of the schedule.")
    from_: date | None = Field(alias="from", description="First day of the period.")
    to: date | None = Field(description="Last day of the period.")
    note: str | None = Field(
        description="Effect of a clock change on the run; null if the clock does not change on that day."
    )


class PreviewView(ViewModel):
    """Future runs of a schedule."""

    model_config = ConfigDict(title="SchedulePreview")

    runs: list[PreviewedRun] = Field(description="Future runs, the next one first.")
