"""/api/v1/schedules: writing, pausing and deleting schedules.

Whoever writes one must be able to ask for its report now, and becomes its owner, with whose rights it runs: nobody
makes use of another's. Pausing, and resuming what was paused, changes nothing of what it does, and leaves the owner.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from aws_lambda_powertools import Logger

from api.deployment_rules import DeploymentRules
from api.schedules.check import check_request_of, point_to_period, require_runs
from api.schedules.draft import ScheduleDraft, draft_of, merge_draft
from api.schedules.models import PreviewRequest, PreviewView, ScheduleChanges, ScheduleRequest
from api.schedules.preview import RunPeriod, preview_runs
from resma.access.caller import Caller
from resma.database.connection import Database
from resma.errors import RequestInvalidError, collect_errors
from resma.schedules.request import week_start_of
from resma.schedules.schedule_rows import (
    ENDED_DETAIL,
    Schedule,
    delete_schedule,
    find_schedule,
    insert_schedule,
    next_run,
    update_schedule,
)
from resma.schedules.times import ScheduleTiming, read_timing

logger = Logger(child=True)


@dataclass(frozen=True)
class Schedules:
    """A tenant's schedules, as a caller writes them. Every method raises ScheduleNotFoundError where there is none."""

    database: Database
    caller: Caller
    rules: DeploymentRules

    def make(self, request: ScheduleRequest) -> Schedule:
        """Makes a schedule. Raises RequestInvalidError, ScopeMissingError, TooManySchedulesError."""
        now = datetime.now(UTC)
        draft = draft_of(request)
        timing = self._check(draft, now)
        new = {
            "tenant_id": self.caller.tenant_id,
            "schedule_id": f"sch_{uuid4().hex}",
            **self._columns(draft, timing, now),
            **_state(timing, draft.ends_at, now, is_paused=draft.paused),
        }
        with self.database.transaction(self.caller.tenant_id) as connection:
            schedule = insert_schedule(connection, new)
        self._log("a schedule was made", schedule.schedule_id)
        return schedule

    def find(self, schedule_id: str) -> Schedule:
        """One of them."""
        with self.database.transaction(self.caller.tenant_id) as connection:
            return find_schedule(connection, self.caller.tenant_id, schedule_id)

    def change(self, schedule_id: str, changes: ScheduleChanges) -> Schedule:
        """Changes what the request names. Raises RequestInvalidError, ScopeMissingError.

        A run that is due and was not started yet stays due, unless its times change.
        """
        said = {name: getattr(changes, name) for name in changes.model_fields_set}
        if said.keys() != {"paused"}:
            self.rules.time_zones.prepare()
        with self.database.transaction(self.caller.tenant_id) as connection:
            before = find_schedule(connection, self.caller.tenant_id, schedule_id, for_update=True)
            columns = self._changed(before, said, datetime.now(UTC))
            if not columns:
                return before
            schedule = update_schedule(connection, self.caller.tenant_id, schedule_id, columns)
        self._log("a schedule was changed", schedule_id, said=sorted(said), status=schedule.status)
        return schedule

    def delete(self, schedule_id: str) -> None:
        """Removes it with its history; its reports stay."""
        with self.database.transaction(self.caller.tenant_id) as connection:
            delete_schedule(connection, self.caller.tenant_id, schedule_id)
        self._log("a schedule was deleted", schedule_id)

    def preview(self, request: PreviewRequest, count: int) -> PreviewView:
        """The next runs of a schedule that is not there. Raises what `make` raises of the same request."""
        now = datetime.now(UTC)
        draft = draft_of(request)
        timing = self._check(draft, now)
        run_period = RunPeriod(request.period, request.week_starts_on or week_start_of(draft.request))
        return preview_runs(timing, run_period, request.ends_at, now, count)

    def _log(self, what: str, schedule_id: str, **more: Any) -> None:
        logger.info(what, schedule_id=schedule_id, tenant_id=self.caller.tenant_id, subject=self.caller.subject, **more)

    def _changed(self, before: Schedule, said: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        """The columns to write."""
        was_blocked = before.status == "BLOCKED" or (before.status == "PAUSED" and before.status_detail is not None)
        if said.keys() == {"paused"} and (said["paused"] or not was_blocked):
            return _paused(before, is_pausing=said["paused"], now=now)
        draft = merge_draft(before, said)
        writer = replace(self, caller=_as_writer(self.caller, before, said))
        with point_to_period() if "period" in said and "request" not in said else nullcontext():
            timing = writer._check(draft, now, before)
        columns = writer._columns(draft, timing, now)
        if not draft.changes_times(before, timing) and before.status in {"ACTIVE", "ENDED"} and not draft.paused:
            return columns  # and its next run, which may be due, stays as it is
        return columns | _state(timing, draft.ends_at, now, is_paused=draft.paused)

    def _check(self, draft: ScheduleDraft, now: datetime, before: Schedule | None = None) -> ScheduleTiming:
        """What is wrong with a schedule as a whole. Raises RequestInvalidError with all of it, ScopeMissingError."""
        field_errors = list(self.rules.time_zone_errors(draft.time_zone))
        timing, day = None, now.date()
        with collect_errors(field_errors):
            timing = read_timing(draft.when, draft.at, draft.time_zone, draft.calendar)
            day = require_runs(timing, None, now).astimezone(timing.zone).date()
            if before is None or draft.changes_times(before, timing):
                require_runs(timing, draft.ends_at, now)
        if draft.request is not None:
            with collect_errors(field_errors):
                check_request_of(self.caller, draft, day, self.rules)
        if field_errors or timing is None:
            raise RequestInvalidError.of(field_errors)
        return timing

    def _columns(self, draft: ScheduleDraft, timing: ScheduleTiming, now: datetime) -> dict[str, Any]:
        return {
            "name": draft.name,
            "request": draft.request,
            "period": draft.period,
            "week_starts_on": draft.week_starts_on,
            "misfire_policy": draft.misfire_policy,
            "ends_at": draft.ends_at,
            "recurrence": timing.when,
            "at": timing.at,
            "time_zone": timing.time_zone,
            "calendar": timing.calendar,
            "owner": self.caller.subject,
            "owner_scopes": sorted(self.caller.scopes),
            "written_at": now,
        }


def _as_writer(caller: Caller, before: Schedule, said: Mapping[str, Any]) -> Caller:
    """The caller, with no more rights than the request may have in other hands.

    Who named its callback might not see what is personal: it is not sent there in the name of one who may, and who has
    changed something else.
    """
    if "request" in said or before.request.get("callbackUrl") is None or "personal:read" in before.owner_scopes:
        return caller
    return replace(caller, scopes=caller.scopes - {"personal:read"})


def _state(timing: ScheduleTiming, ends_at: datetime | None, now: datetime, *, is_paused: bool) -> dict[str, Any]:
    """The columns that say how it continues from now."""
    if is_paused:
        return _standing("PAUSED")
    at = next_run(timing, ends_at, now)
    return _standing("ENDED", ENDED_DETAIL) if at is None else _standing("ACTIVE", at=at)


def _paused(before: Schedule, *, is_pausing: bool, now: datetime) -> dict[str, Any]:
    """What pausing or resuming alone changes: the times between are not caught up."""
    if is_pausing and before.status in {"ACTIVE", "BLOCKED"}:
        return _standing("PAUSED", before.status_detail)
    if is_pausing or before.status != "PAUSED":
        return {}
    return _state(before.check_timing(), before.ends_at, now, is_paused=False)


def _standing(status: str, detail: str | None = None, at: datetime | None = None) -> dict[str, Any]:
    return {"status": status, "status_detail": detail, "next_run_at": at, "due_at": at, "held_since": None}
