"""POST /api/v1/schedules/{id}/run: a schedule's report now, requested by the caller."""

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
"""Requests a report, as `POST /api/v1/reports/generate` does."""


def run_schedule(schedule: Schedule, caller: Caller, send: Send) -> Report:
    """Requests the schedule's report with its period as of today, in the name and with the rights of the caller.

    The schedule, its next run and its history stay as they are. Raises ScopeMissingError without reports:write,
    RequestInvalidError where the request is no longer valid, and whatever `send` raises.
    """
    require_scope(caller, "reports:write")
    day = datetime.now(UTC).astimezone(schedule.check_timing().zone).date()
    request = fill_request(schedule.request, schedule.period, day, schedule.time_zone, schedule.week_starts_on)
    return send(_without_new_rights(caller, schedule), request)


def _without_new_rights(caller: Caller, schedule: Schedule) -> Caller:
    """Whoever named the callback may not be allowed to see personal data: then it is masked for this caller too."""
    if schedule.request.get("callbackUrl") is None or "personal:read" in schedule.owner_scopes:
        return caller
    return replace(caller, scopes=caller.scopes - {"personal:read"})
