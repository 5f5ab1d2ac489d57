"""What is checked of a schedule when it is written: that it will run, and that its request would be taken."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import date, datetime

from api.deployment_rules import DeploymentRules
from api.schedules.draft import ScheduleDraft
from resma.access.caller import Caller, require_scope
from resma.errors import FieldError, RequestError, RequestInvalidError, collect_errors, point_into
from resma.requests.submit import check_request
from resma.schedules.request import fill_request
from resma.schedules.schedule_rows import next_run
from resma.schedules.times import ScheduleTiming

_FILLED_BY_PERIOD = {"/request/filters/from", "/request/filters/to"}


def require_runs(timing: ScheduleTiming, ends_at: datetime | None, now: datetime) -> datetime:
    """Returns the first run after now. Raises RequestInvalidError where there is none."""
    if (first := next_run(timing, None, now)) is None:
        raise RequestInvalidError(
            "The schedule would never run.", (FieldError("/when", "It never occurs within 50 years."),)
        )
    if ends_at is not None and first > ends_at:
        field_error = FieldError("/endsAt", f"It must be later than the first run, {first.isoformat()}, or null.")
        raise RequestInvalidError("The schedule would never run.", (field_error,))
    return first


def check_request_of(caller: Caller, draft: ScheduleDraft, day: date, rules: DeploymentRules) -> None:
    """Checks a schedule's request as one that the caller makes on that day, with pointers to where it is in here.

    The draft has a request. Raises RequestInvalidError with all that is wrong, ScopeMissingError.
    """
    assert draft.request is not None
    require_scope(caller, "reports:write")
    period_errors: list[FieldError] = []
    request_errors: list[FieldError] = []
    kept, time_zone, week = draft.request, draft.time_zone, draft.week_starts_on
    with collect_errors(period_errors):
        fill_request(kept, draft.period, day, time_zone, week)
    with collect_errors(request_errors):
        request = fill_request(kept, None if period_errors else draft.period, day, time_zone, week)
        with point_into("request"):
            check_request(caller, request, rules.errors_of(request))
    # A time zone that the request does not name is the schedule's, and checked there. Whether days are needed, or in
    # order, is not known where the period can't be filled in.
    unknown = set() if "timeZone" in kept else {"/request/timeZone"}
    unknown |= _FILLED_BY_PERIOD if period_errors else set()
    field_errors = [
        *period_errors,
        *(field_error for field_error in request_errors if field_error.pointer not in unknown),
    ]
    if field_errors:
        raise RequestInvalidError.of(field_errors)


@contextlib.contextmanager
def point_to_period() -> Iterator[None]:
    """That filters and a period don't go together is the period's fault, where a body has it and no request."""
    try:
        yield
    except RequestError as error:
        error.field_errors = tuple(
            FieldError("/period", f"{field_error.pointer} of the schedule: {field_error.detail}")
            if field_error.pointer in _FILLED_BY_PERIOD
            else field_error
            for field_error in error.field_errors
        )
        raise
