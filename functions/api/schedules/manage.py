"""Creates, changes, pauses and deletes schedules.

A caller that creates or changes a schedule must be allowed to request its report, and becomes its owner. Runs have the
scopes of the owner, so that no caller can use the scopes of another. Pausing and resuming do not change the owner.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from aws_lambda_powertools import Logger
from psycopg import Connection
from psycopg.rows import TupleRow

from api.deployment_rules import DeploymentRules
from api.schedules.check import check_request_of, point_to_period, require_runs
from api.schedules.draft import ScheduleDraft, draft_of, merge_draft
from api.schedules.models import PreviewRequest, PreviewView, ScheduleChanges, ScheduleRequest
from api.schedules.preview import RunPeriod, preview_runs
from resma.access.caller import Caller
from resma.database.connection import Database
from resma.encryption.deployment_key import DeploymentKey
from resma.encryption.sealed_pdf_key import seal_password
from resma.request_errors import RequestInvalidError, collect_errors, point_into
from resma.requests.report_request import ReportRequest
from resma.requests.retention import require_tenant_retention
from resma.schedules.request import has_receivers, week_start_of
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
    """Schedules of the caller's tenant. Methods with an id raise ScheduleNotFoundError if it does not exist."""

    database: Database
    caller: Caller
    rules: DeploymentRules
    sealing: DeploymentKey

    def create(self, request: ScheduleRequest) -> Schedule:
        """Creates a schedule. Raises RequestInvalidError, ScopeMissingError, TooManySchedulesError."""
        now = datetime.now(UTC)
        draft = draft_of(request)
        self.rules.time_zones.prepare()
        pdf_key = self._seal(request.request)  # before the transaction, because it may read a secret
        with self.database.transaction(self.caller.tenant_id) as connection:
            # In this transaction, because it locks the destinations and certificates that the request names.
            timing = self._check(connection, draft, now)
            new = {
                "tenant_id": self.caller.tenant_id,
                "schedule_id": f"sch_{uuid4().hex}",
                **self._columns(draft, timing, now),
                "pdf_key": pdf_key,
                **_state(timing, draft.ends_at, now, is_paused=draft.paused),
            }
            self._require_retention(connection, draft.request)
            schedule = insert_schedule(connection, new)
        self._log("a schedule was created", schedule.schedule_id)
        return schedule

    def find(self, schedule_id: str) -> Schedule:
        """Returns a schedule."""
        with self.database.transaction(self.caller.tenant_id) as connection:
            return find_schedule(connection, self.caller.tenant_id, schedule_id)

    def change(self, schedule_id: str, changes: ScheduleChanges) -> Schedule:
        """Changes the properties in the request. Raises RequestInvalidError, ScopeMissingError.

        A run that is due and has not started stays due, unless the times of the schedule change.
        """
        values = {name: getattr(changes, name) for name in changes.model_fields_set}
        if values.keys() != {"paused"}:
            self.rules.time_zones.prepare()
        pdf_key = self._seal(values["request"]) if "request" in values else None
        with self.database.transaction(self.caller.tenant_id) as connection:
            before = find_schedule(connection, self.caller.tenant_id, schedule_id, for_update=True)
            columns = self._changed_columns(connection, before, values, datetime.now(UTC), pdf_key)
            if not columns:
                return before
            self._require_retention(connection, columns.get("request"))
            schedule = update_schedule(connection, self.caller.tenant_id, schedule_id, columns)
        self._log("a schedule was changed", schedule_id, properties=sorted(values), status=schedule.status)
        return schedule

    def delete(self, schedule_id: str) -> None:
        """Deletes a schedule with its run history. Its reports are kept."""
        with self.database.transaction(self.caller.tenant_id) as connection:
            delete_schedule(connection, self.caller.tenant_id, schedule_id)
        self._log("a schedule was deleted", schedule_id)

    def preview(self, request: PreviewRequest, count: int) -> PreviewView:
        """Returns the next runs of a new schedule without storing it. Raises the errors of `create`."""
        now = datetime.now(UTC)
        draft = draft_of(request)
        self.rules.time_zones.prepare()
        with self.database.transaction(self.caller.tenant_id) as connection:
            timing = self._check(connection, draft, now, is_stored=False)
        run_period = RunPeriod(request.period, request.week_starts_on or week_start_of(draft.request))
        return preview_runs(timing, run_period, request.ends_at, now, count)

    def _require_retention(self, connection: Connection[TupleRow], request: Mapping[str, Any] | None) -> None:
        """Raises RequestInvalidError if the request names a longer retention than the tenant may use."""
        with point_into("request"):
            require_tenant_retention(connection, self.caller.tenant_id, (request or {}).get("retentionDays"))

    def _log(self, message: str, schedule_id: str, **more: Any) -> None:
        logger.info(
            message, schedule_id=schedule_id, tenant_id=self.caller.tenant_id, subject=self.caller.subject, **more
        )

    def _changed_columns(
        self,
        connection: Connection[TupleRow],
        before: Schedule,
        values: Mapping[str, Any],
        now: datetime,
        pdf_key: dict[str, Any] | None,
    ) -> dict[str, Any]:
        """Returns the columns to update. `connection` has the open transaction, which locks the schedule.

        `pdf_key` is the sealed key of a request that replaces the present one.
        """
        was_blocked = before.status == "BLOCKED" or (before.status == "PAUSED" and before.status_detail is not None)
        if values.keys() == {"paused"} and (values["paused"] or not was_blocked):
            return _paused(before, is_pausing=values["paused"], now=now)
        draft = merge_draft(before, values)
        writer = replace(self, caller=_limit_scopes(self.caller, before, values))
        with point_to_period() if "period" in values and "request" not in values else nullcontext():
            timing = writer._check(connection, draft, now, before)
        columns = writer._columns(draft, timing, now)
        if "request" in values:
            columns["pdf_key"] = before.pdf_key if _keeps_password(values["request"]) else pdf_key
        if not draft.changes_times(before, timing) and before.status in {"ACTIVE", "ENDED"} and not draft.paused:
            return columns  # the next run, which may be due, does not change
        return columns | _state(timing, draft.ends_at, now, is_paused=draft.paused)

    def _seal(self, request: ReportRequest) -> dict[str, Any] | None:
        return seal_password(self.sealing, self.caller.tenant_id, request.options.pdf)

    def _check(
        self,
        connection: Connection[TupleRow],
        draft: ScheduleDraft,
        now: datetime,
        before: Schedule | None = None,
        *,
        is_stored: bool = True,
    ) -> ScheduleTiming:
        """Returns the timing. Raises RequestInvalidError with all errors of the draft, and ScopeMissingError.

        `connection` has an open transaction: a second one would wait for it without end. With `is_stored`, it locks
        what the request names until its end.
        """
        field_errors = list(self.rules.time_zone_errors(draft.time_zone))
        timing, day = None, now.date()
        with collect_errors(field_errors):
            timing = read_timing(draft.when, draft.at, draft.time_zone, draft.calendar)
            day = require_runs(timing, None, now).astimezone(timing.zone).date()
            if before is None or draft.changes_times(before, timing):
                require_runs(timing, draft.ends_at, now)
        if draft.request is not None:
            with collect_errors(field_errors):
                check_request_of(connection, self.caller, draft, day, self.rules, is_stored=is_stored)
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


def _limit_scopes(caller: Caller, before: Schedule, values: Mapping[str, Any]) -> Caller:
    """Returns the caller, without `personal:read` if an owner without this scope chose the receivers.

    Otherwise personal data would be sent to them with the scopes of a caller who only changed something else.
    """
    if "request" in values or not has_receivers(before.request) or "personal:read" in before.owner_scopes:
        return caller
    return replace(caller, scopes=caller.scopes - {"personal:read"})


def _state(timing: ScheduleTiming, ends_at: datetime | None, now: datetime, *, is_paused: bool) -> dict[str, Any]:
    """Returns the columns for the status and the next run from now on."""
    if is_paused:
        return _status_columns("PAUSED")
    at = next_run(timing, ends_at, now)
    return _status_columns("ENDED", ENDED_DETAIL) if at is None else _status_columns("ACTIVE", at=at)


def _paused(before: Schedule, *, is_pausing: bool, now: datetime) -> dict[str, Any]:
    """Returns the columns that pausing or resuming changes. Runs that were due in a pause are not caught up."""
    if is_pausing and before.status in {"ACTIVE", "BLOCKED"}:
        return _status_columns("PAUSED", before.status_detail)
    if is_pausing or before.status != "PAUSED":
        return {}
    return _state(before.check_timing(), before.ends_at, now, is_paused=False)


def _status_columns(status: str, detail: str | None = None, at: datetime | None = None) -> dict[str, Any]:
    return {"status": status, "status_detail": detail, "next_run_at": at, "due_at": at, "held_since": None}


def _keeps_password(request: ReportRequest) -> bool:
    """Returns whether a request that replaces another one keeps its password, because it has no property `password`.

    Clients that show a request, and send it back changed, do not have the password.
    """
    return "password" not in request.options.pdf.model_fields_set and "PDF" in request.requested_formats
