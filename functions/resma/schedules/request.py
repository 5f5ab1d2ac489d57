"""The request of a schedule, and the report request of one run: with the days of the period and the time zone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import ValidationError

from resma.catalog import find_locale, load_catalog
from resma.i18n.locales import DEFAULT_LOCALE, Weekday
from resma.request_errors import FieldError, RequestInvalidError, json_pointer
from resma.requests.report_request import ReportRequest
from resma.schedules.periods import Period, days_of
from resma.validation_messages import advise


def serialize_request(request: ReportRequest) -> dict[str, Any]:
    """Returns the request as JSON for the schedule's row. Omitted properties stay omitted: each run uses the defaults.

    Raises RequestInvalidError if `deduplicate` is set.
    """
    if request.deduplicate:
        field_error = FieldError("/request/deduplicate", "Remove it: each run of a schedule is a report of its own.")
        raise RequestInvalidError("The request of a schedule cannot be deduplicated.", (field_error,))
    return request.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"deduplicate"})


def fill_request(
    stored: Mapping[str, Any],
    period: Period | None,
    day: date,
    time_zone: str,
    week_starts_on: Weekday | None,
) -> ReportRequest:
    """Returns the report request for a run on `day`. A request without a time zone gets the schedule's.

    Weeks start as the schedule says, otherwise as is usual for the request's locale (`week_start_of`). Raises
    RequestInvalidError if the report type has no filters for a period, or if another version has stored a request that
    is not valid any longer.
    """
    filled = {"timeZone": time_zone, **stored}
    if period is not None:
        _require_period_filters(str(stored["type"]), stored.get("filters", {}))
        first, last = days_of(period, day, week_starts_on or week_start_of(stored))
        filled["filters"] = {**stored.get("filters", {}), "from": first.isoformat(), "to": last.isoformat()}
    try:
        return ReportRequest.model_validate(filled)
    except ValidationError as error:
        field_errors = [FieldError(json_pointer("request", *item["loc"]), advise(item)) for item in error.errors()]
        raise RequestInvalidError.of(field_errors) from None


def has_receivers(request: Mapping[str, Any]) -> bool:
    """Returns whether a stored request names where the report is sent: a callback URL, or destinations."""
    return request.get("callbackUrl") is not None or bool(request.get("deliverTo"))


def week_start_of(request: Mapping[str, Any] | None) -> Weekday:
    """Returns the first day of the week in the locale of a stored request."""
    tag = (request or {}).get("locale", DEFAULT_LOCALE.tag)
    return find_locale(tag).week_starts_on


def _require_period_filters(type_: str, filters: Mapping[str, Any]) -> None:
    """Raises RequestInvalidError if the type has no filters for the days of a period, or the request sets them."""
    if (report_type := load_catalog().get(type_)) is None:
        return  # the validation of the request reports the unknown type
    dates = {item.name for item in report_type.filters if item.kind == "date"}
    if not {"from", "to"} <= dates:
        raise RequestInvalidError.of([FieldError("/period", "Remove it: this report type has no filters for days.")])
    field_errors = [
        FieldError(json_pointer("request", "filters", name), "Remove it: the period determines the days.")
        for name in ("from", "to")
        if filters.get(name) is not None
    ]
    if field_errors:
        raise RequestInvalidError.of(field_errors)
