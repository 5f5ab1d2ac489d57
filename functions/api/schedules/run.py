"""Runs a schedule immediately, as a request of the caller: POST /api/v1/schedules/{id}/run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from resma.access.caller import Caller, require_scope
from resma.requests.report_request import ReportRequest
from resma.schedules.request import fill_request

if TYPE_CHECKING:
    from resma.jobs.report_rows import Report
    from resma.schedules.schedule_rows import Schedule

Send = Callable[[Caller, ReportRequest], "Report"]
"""Function that requests a report, as `POST /api/v1/reports/generate` does."""


def run_schedule(schedule: Schedule, caller: Caller, send: Send) -> Report:
    """Requests the report of a schedule for its period as of today, with the scopes of the caller.

    The schedule, its next run and its run history do not change. Raises ScopeMissingError if the caller does not have
    `reports:write`, RequestInvalidError if the request is no longer valid, and the errors of `send`.
    """
    require_scope(caller, "reports:write")
    day = datetime.now(UTC).astimezone(schedule.check_timing().zone).date()
    request = fill_request(schedule.request, schedule.period, day, schedule.time_zone, schedule.week_starts_on)
    return send(_limit_scopes(caller, schedule), request)


def _limit_scopes(caller: Caller, schedule: Schedule) -> Caller:
    """Returns the caller, without `personal:read` if an owner without this scope chose the callback URL."""
    if schedule.request.get("callbackUrl") is None or "personal:read" in schedule.owner_scopes:
        return caller
    return replace(caller, scopes=caller.scopes - {"personal:read"})
