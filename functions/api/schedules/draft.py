"""A schedule as a caller wants it: what a request says, on top of what the schedule was before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from api.schedules.models import PreviewRequest
from resma.i18n.locales import Weekday
from resma.requests.report_request import ReportRequest
from resma.schedules.periods import Period
from resma.schedules.request import serialize_request
from resma.schedules.schedule_rows import MisfirePolicy, Schedule
from resma.schedules.times import WORDS, ScheduleTiming


@dataclass(frozen=True, kw_only=True)
class ScheduleDraft:
    """Every property of a schedule that a caller can set; `request` as the row keeps it, None of a mere preview."""

    name: str | None
    request: dict[str, Any] | None
    when: str
    at: str | None
    time_zone: str
    calendar: str | None
    period: Period | None
    week_starts_on: Weekday | None
    misfire_policy: MisfirePolicy
    ends_at: datetime | None
    paused: bool

    def changes_times(self, before: Schedule, timing: ScheduleTiming) -> bool:
        """Whether it runs at other times than the schedule before."""
        return timing != before.timing or self.ends_at != before.ends_at


def draft_of(request: PreviewRequest) -> ScheduleDraft:
    """The draft of a new schedule."""
    kept = serialize_request(request.request) if request.request else None
    values = {field.name: getattr(request, field.name) for field in fields(ScheduleDraft)}
    return ScheduleDraft(**{**values, "request": kept})


def merge_draft(before: Schedule, said: Mapping[str, Any]) -> ScheduleDraft:
    """The schedule with what a request says. What belongs to a way of saying `when` changes with it."""
    draft = ScheduleDraft(
        name=before.name,
        request=before.request,
        when=before.recurrence,
        at=before.at,
        time_zone=before.time_zone,
        calendar=before.calendar,
        period=before.period,
        week_starts_on=before.week_starts_on,
        misfire_policy=before.misfire_policy,
        ends_at=before.ends_at,
        paused=before.status == "PAUSED",
    )
    request = said.get("request")
    kept = {"request": serialize_request(request)} if isinstance(request, ReportRequest) else {}
    draft = replace(draft, **{**said, **kept})
    if draft.when not in WORDS and "at" not in said:
        draft = replace(draft, at=None)
    if draft.when != "first-business-day" and "calendar" not in said:
        draft = replace(draft, calendar=None)
    return draft
