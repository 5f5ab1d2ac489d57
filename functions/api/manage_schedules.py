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

from api.check_schedule import check_request_of, point_to_period, require_runs
from api.models_schedules import PreviewRequest, PreviewView, ScheduleChanges, ScheduleRequest
from api.preview_schedule import preview_runs
from resma.caller import Caller
from resma.database import Database
from resma.report_request import ReportRequest
from resma.schedule_times import WORDS, Timing, read_timing
from resma.scheduled_request import keep_request
from resma.schedules import (
    ENDED_DETAIL,
    Schedule,
    delete_schedule,
    find_schedule,
    insert_schedule,
    next_run,
    update_schedule,
)

logger = Logger(child=True)


@dataclass(frozen=True)
class Schedules:
    """A tenant's schedules, as a caller writes them. Every method raises ScheduleNotFound where there is none."""

    database: Database
    caller: Caller
    opens_loopback: bool

    def make(self, request: ScheduleRequest) -> Schedule:
        """Makes a schedule. Raises RequestInvalid, ScopeMissing, SchedulesTooMany."""
        now = datetime.now(UTC)
        said = dict(request) | {"request": keep_request(request.request)}
        timing = self._check(said, now)
        require_runs(timing, request.ends_at, now)
        new = {
            "tenant_id": self.caller.tenant_id,
            "schedule_id": f"sch_{uuid4().hex}",
            **self._columns(said, timing, now),
            **_state(timing, said, now),
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
        """Changes what the request names. Raises RequestInvalid, ScopeMissing.

        A run that is due and was not started yet stays due, unless its times change.
        """
        said = {name: getattr(changes, name) for name in changes.model_fields_set}
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
        said = dict(request) | {"request": keep_request(request.request) if request.request else None}
        timing = self._check(said, now)
        require_runs(timing, request.ends_at, now)
        return preview_runs(timing, request.period, request.ends_at, now, count)

    def _log(self, what: str, schedule_id: str, **more: Any) -> None:
        logger.info(what, schedule_id=schedule_id, tenant_id=self.caller.tenant_id, subject=self.caller.subject, **more)

    def _changed(self, before: Schedule, said: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        """The columns to write."""
        was_blocked = before.status == "BLOCKED" or (before.status == "PAUSED" and before.status_detail is not None)
        if said.keys() == {"paused"} and (said["paused"] or not was_blocked):
            return _paused(before, is_pausing=said["paused"], now=now)
        merged = _merge(before, said)
        writer = replace(self, caller=_as_writer(self.caller, before, said))
        with point_to_period() if "period" in said and "request" not in said else nullcontext():
            timing = writer._check(merged, now)
        columns = writer._columns(merged, timing, now)
        if timing != before.timing or merged["ends_at"] != before.ends_at:
            require_runs(timing, merged["ends_at"], now)
        elif before.status in {"ACTIVE", "ENDED"} and not merged["paused"]:
            return columns  # and its next run, which may be due, stays as it is
        return columns | _state(timing, merged, now)

    def _check(self, said: Mapping[str, Any], now: datetime) -> Timing:
        """What is wrong with a schedule as a whole. Raises RequestInvalid, ScopeMissing."""
        timing = read_timing(said["when"], said["at"], said["time_zone"], said["calendar"])
        if said["request"] is not None:
            first = require_runs(timing, None, now)
            day = first.astimezone(timing.zone).date()
            check_request_of(self.caller, said, day, opens_loopback=self.opens_loopback)
        return timing

    def _columns(self, said: Mapping[str, Any], timing: Timing, now: datetime) -> dict[str, Any]:
        return {
            **{name: said[name] for name in ("name", "request", "period", "missed", "ends_at")},
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


def _merge(before: Schedule, said: Mapping[str, Any]) -> dict[str, Any]:
    """The schedule with what was said. What belongs to a way of saying when goes with it."""
    names = ("name", "request", "at", "time_zone", "calendar", "period", "missed", "ends_at")
    merged = {name: getattr(before, name) for name in names}
    merged |= {"when": before.recurrence, "paused": before.status == "PAUSED", **said}
    if isinstance(merged["request"], ReportRequest):
        merged["request"] = keep_request(merged["request"])
    if merged["when"] not in WORDS and "at" not in said:
        merged["at"] = None
    if merged["when"] != "first-business-day" and "calendar" not in said:
        merged["calendar"] = None
    return merged


def _state(timing: Timing, said: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """How it goes on from now."""
    if said["paused"]:
        return _standing("PAUSED")
    at = next_run(timing, said["ends_at"], now)
    return _standing("ENDED", ENDED_DETAIL) if at is None else _standing("ACTIVE", at=at)


def _paused(before: Schedule, *, is_pausing: bool, now: datetime) -> dict[str, Any]:
    """What pausing or resuming alone changes: the times between are not caught up."""
    if is_pausing and before.status in {"ACTIVE", "BLOCKED"}:
        return _standing("PAUSED", before.status_detail)
    if is_pausing or before.status != "PAUSED":
        return {}
    return _state(before.check_timing(), {"paused": False, "ends_at": before.ends_at}, now)


def _standing(status: str, detail: str | None = None, at: datetime | None = None) -> dict[str, Any]:
    return {"status": status, "status_detail": detail, "next_run_at": at, "due_at": at, "held_since": None}
