"""Draft of a schedule: the values in a request, merged into those of the existing schedule."""

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
    """Properties of a schedule that a caller can set. `request` has the form of the database; None in a preview."""

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
        """Whether the draft runs at other times than the existing schedule."""
        return timing != before.timing or self.ends_at != before.ends_at


def draft_of(request: PreviewRequest) -> ScheduleDraft:
    """Returns the draft of a new schedule."""
    stored = serialize_request(request.request) if request.request else None
    values = {field.name: getattr(request, field.name) for field in fields(ScheduleDraft)}
    return ScheduleDraft(**{**values, "request": stored})


def merge_draft(before: Schedule, changes: Mapping[str, Any]) -> ScheduleDraft:
    """Returns the schedule with changes. `at` and `calendar` are removed if the new `when` does not allow them."""
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
    request = changes.get("request")
    stored = {"request": serialize_request(request)} if isinstance(request, ReportRequest) else {}
    draft = replace(draft, **{**changes, **stored})
    if draft.when not in WORDS and "at" not in changes:
        draft = replace(draft, at=None)
    if draft.when != "first-business-day" and "calendar" not in changes:
        draft = replace(draft, calendar=None)
    return draft
