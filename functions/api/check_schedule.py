"""What is checked of a schedule when it is written: that it will run, and that its request would be taken."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from resma.caller import Caller, require_scope
from resma.catalogue import find_report_type
from resma.check_webhook_address import check_callback
from resma.errors import Fault, RequestError, RequestInvalid, point_into
from resma.request_report import check_request
from resma.schedule_times import Timing
from resma.scheduled_request import fill_request
from resma.schedules import next_run

_FILLED_BY_PERIOD = {"/request/filters/from", "/request/filters/to"}


def require_runs(timing: Timing, ends_at: datetime | None, now: datetime) -> datetime:
    """Returns the first run after now. Raises RequestInvalid where there is none."""
    if (first := next_run(timing, None, now)) is None:
        raise RequestInvalid("the schedule would never run", (Fault("/when", "it never comes within 50 years"),))
    if ends_at is not None and first > ends_at:
        fault = Fault("/endsAt", f"give a later moment, or null: the first run would be at {first.isoformat()}")
        raise RequestInvalid("the schedule would never run", (fault,))
    return first


def check_request_of(caller: Caller, schedule: Mapping[str, Any], day: date, *, opens_loopback: bool) -> None:
    """Checks a schedule's request as one that the caller makes on that day, with pointers to where it is in here.

    `schedule` has `request` as it is kept, `period` and `time_zone`. Raises RequestInvalid, ScopeMissing.
    """
    require_scope(caller, "reports:write")
    with point_into("request"):
        find_report_type(schedule["request"]["type"])
    request = fill_request(schedule["request"], schedule["period"], day, schedule["time_zone"])
    with point_into("request"):
        check_request(caller, request)
        check_callback(request.callback_url, opens_loopback=opens_loopback)


@contextlib.contextmanager
def point_to_period() -> Iterator[None]:
    """That filters and a period don't go together is the period's fault, where a body has it and no request."""
    try:
        yield
    except RequestError as error:
        error.faults = tuple(
            Fault("/period", f"{fault.pointer} of the schedule: {fault.detail}")
            if fault.pointer in _FILLED_BY_PERIOD
            else fault
            for fault in error.faults
        )
        raise
