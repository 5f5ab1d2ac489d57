"""Validation of schedules: a schedule must have a next run, and its request must be valid."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import date, datetime

from psycopg import Connection
from psycopg.rows import TupleRow

from api.deployment_rules import DeploymentRules
from api.schedules.draft import ScheduleDraft
from resma.access.caller import Caller, require_scope
from resma.request_errors import FieldError, RequestError, RequestInvalidError, collect_errors, point_into
from resma.requests.receivers import find_receiver_errors
from resma.requests.submit import check_request
from resma.schedules.request import fill_request
from resma.schedules.schedule_rows import next_run
from resma.schedules.times import ScheduleTiming

_FILLED_BY_PERIOD = {"/request/filters/from", "/request/filters/to"}


def require_runs(timing: ScheduleTiming, ends_at: datetime | None, now: datetime) -> datetime:
    """Returns the first run after now. Raises RequestInvalidError if the schedule would never run."""
    if (first := next_run(timing, None, now)) is None:
        raise RequestInvalidError(
            "The schedule would never run.", (FieldError("/when", "It never occurs within 50 years."),)
        )
    if ends_at is not None and first > ends_at:
        field_error = FieldError("/endsAt", f"It must be later than the first run, {first.isoformat()}, or null.")
        raise RequestInvalidError("The schedule would never run.", (field_error,))
    return first


def check_request_of(  # noqa: PLR0913  # the request, the caller, and what decides about it
    connection: Connection[TupleRow],
    caller: Caller,
    draft: ScheduleDraft,
    day: date,
    rules: DeploymentRules,
    *,
    is_stored: bool,
) -> None:
    """Checks the request of a draft as if the caller sent it on a day. Error pointers begin with `/request`.

    `connection` has an open transaction of the tenant. With `is_stored`, it locks what the request names until its end.
    The draft must have a request. Raises RequestInvalidError with all validation errors, and ScopeMissingError.
    """
    assert draft.request is not None
    require_scope(caller, "reports:write")
    period_errors: list[FieldError] = []
    request_errors: list[FieldError] = []
    stored, time_zone, week = draft.request, draft.time_zone, draft.week_starts_on
    with collect_errors(period_errors):
        fill_request(stored, draft.period, day, time_zone, week)
    with collect_errors(request_errors):
        request = fill_request(stored, None if period_errors else draft.period, day, time_zone, week)
        with point_into("request"):
            receiver_errors = find_receiver_errors(connection, caller, request, is_stored=is_stored)
            more_errors = [*rules.errors_of(request), *receiver_errors]
            check_request(caller, request, more_errors)
    # A time zone that the request does not name is that of the schedule, which is checked separately. If the period
    # cannot be filled in, errors of its filters are meaningless.
    ignored = set() if "timeZone" in stored else {"/request/timeZone"}
    ignored |= _FILLED_BY_PERIOD if period_errors else set()
    field_errors = [
        *period_errors,
        *(field_error for field_error in request_errors if field_error.pointer not in ignored),
    ]
    if field_errors:
        raise RequestInvalidError.of(field_errors)


@contextlib.contextmanager
def point_to_period() -> Iterator[None]:
    """Context manager that moves errors of the filters `from` and `to` to `/period`, for a body without a request."""
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
