"""What goes in and out of the API about schedules, as JSON."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from api.moments import MOMENT
from resma.errors import ScheduleNotFound
from resma.report_request import ReportRequest
from resma.schedule_periods import Period
from resma.schedule_times import AT_DEFAULT
from resma.schedules import Missed, Outcome, ScheduleStatus
from resma.wire import RequestModel, ViewModel

_SCHEDULE_ID = r"^sch_[0-9a-f]{32}$"
_YEARS = range(1970, 2200)


def _require_schedule_id(text: str) -> str:
    if re.fullmatch(_SCHEDULE_ID, text, re.ASCII) is None:
        raise ScheduleNotFound("that is no schedule's id: GET /api/v1/schedules lists yours")
    return text


def _require_moment(value: object) -> object:
    """Pydantic would also take numbers, and texts of other forms."""
    if value is not None and not (isinstance(value, str) and MOMENT.fullmatch(value)):
        raise ValueError("give a moment with its offset, like 2025-12-31T23:59:59Z")
    return value


def _require_our_time(value: datetime | None) -> datetime | None:
    if value is not None and value.year not in _YEARS:
        raise ValueError(f"give a moment from {_YEARS.start} to {_YEARS.stop - 1}")
    return value and value.astimezone(UTC)


def _left_out() -> Any:
    """Made when it is needed, it is no part of the JSON Schema: the value is not null but what it was."""
    return Field(default_factory=lambda: None)


ScheduleId = Annotated[
    str,
    AfterValidator(_require_schedule_id),
    Path(description="The schedule's id.", json_schema_extra={"pattern": _SCHEDULE_ID}),
]
_Name = Annotated[
    str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$", description="For people to know it by.")
]
_Request = Annotated[
    ReportRequest,
    Field(
        description="As for `POST /api/v1/reports/generate`, without `coalesce`. `timeZone` left out is the schedule's."
    ),
]
_When = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        json_schema_extra={"format": "schedule-times"},
        description="`daily`, `weekly` (on Monday), `monthly` (on the first), `first-business-day`, or a cron "
        "expression: minute, hour, day of the month, month, day of the week.",
    ),
]
_At = Annotated[
    str | None,
    Field(
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
        description=f"Local time of a word, {AT_DEFAULT} if left out. An expression has a time of its own.",
    ),
]
_TimeZone = Annotated[
    str,
    Field(
        max_length=100,
        json_schema_extra={"format": "iana-time-zone"},
        description="IANA name of the time zone of times and periods.",
    ),
]
_Period = Annotated[
    Period | None,
    Field(description="Fills in the filters `from` and `to`, as of the day of the run in the schedule's time zone."),
]
_Calendar = Annotated[
    Annotated[str, Field(pattern="^[A-Z]{2}$", json_schema_extra={"format": "country-code"})] | None,
    Field(
        description="ISO 3166 code of a country whose public holidays are no business days, for `first-business-day`."
    ),
]
_Missed = Annotated[
    Missed,
    Field(description="What becomes of times that were missed: nothing; the latest is run, for all; each is run."),
]
_EndsAt = Annotated[
    AwareDatetime | None,
    AfterValidator(_require_our_time),
    BeforeValidator(_require_moment),
    Field(description="There is no run after this moment."),
]
_Paused = Annotated[bool, Field(strict=True, description="Times that pass meanwhile are not caught up.")]


class PreviewRequest(RequestModel):
    """Body of `POST /api/v1/schedules/preview`: a schedule that is not, or not yet, there."""

    name: _Name | None = None
    request: _Request | None = None
    when: _When
    at: _At = None
    time_zone: _TimeZone = "UTC"
    period: _Period = None
    calendar: _Calendar = None
    missed: _Missed = "run-once"
    ends_at: _EndsAt = None
    paused: _Paused = False


class ScheduleRequest(PreviewRequest):
    """Body of `POST /api/v1/schedules`."""

    name: _Name
    request: _Request


class ScheduleChanges(RequestModel):
    """Body of `PATCH /api/v1/schedules/{id}`: what is left out stays as it is. `request` is replaced as a whole."""

    name: _Name = _left_out()
    request: _Request = _left_out()
    when: _When = _left_out()
    at: _At = _left_out()
    time_zone: _TimeZone = _left_out()
    period: _Period = _left_out()
    calendar: _Calendar = _left_out()
    missed: _Missed = _left_out()
    ends_at: _EndsAt = _left_out()
    paused: _Paused = _left_out()


class RunView(ViewModel):
    """What became of one time."""

    scheduled_for: datetime
    started_at: datetime = Field(description="When the tick came to it.")
    report_id: UUID | None
    outcome: Outcome
    detail: str | None = Field(description="Why it was not started, or late.")


class ScheduleView(ViewModel):
    """A schedule as the API shows it."""

    id: str
    name: str
    request: dict[str, Any]
    when: str
    at: str | None
    time_zone: str
    period: Period | None
    calendar: str | None
    missed: Missed
    ends_at: datetime | None
    paused: bool
    status: ScheduleStatus
    status_detail: str | None = Field(description="Why it does not run, and what to do.")
    owner: str = Field(description="Who changed it last: its runs have this one's rights.")
    owner_name: str | None = Field(description="The name that this key has now.")
    owner_expires_at: datetime | None = Field(
        description="When these end, and the schedule is BLOCKED at its next run: rotate the key, or PATCH the "
        "schedule, before. A rotated key's are those of the key that came after it. Null where they do not end."
    )
    created_at: datetime
    next_run_at: datetime | None
    last_run: RunView | None


class ScheduleList(ViewModel):
    """A page of schedules, newest first."""

    items: list[ScheduleView]
    next: str | None = Field(description="Address of the next page, if there is one.")


class RunList(ViewModel):
    """A page of runs, the latest first."""

    items: list[RunView]
    next: str | None = Field(description="Address of the next page, if there is one.")


class PreviewedRun(ViewModel):
    """A run that is to come."""

    at: datetime = Field(description="In UTC.")
    local_time: datetime = Field(description="In the schedule's time zone, with its offset.")
    from_: date | None = Field(alias="from", description="First day of the period.")
    to: date | None = Field(description="Last day of the period.")
    note: str | None = Field(description="What is odd about it: clocks are set on that day.")


class PreviewView(ViewModel):
    """The runs that are to come."""

    runs: list[PreviewedRun]
