"""The request of a schedule, and what it asks for at a time: its period's days filled in, in its time zone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import ValidationError

from resma.catalog import load_catalog
from resma.errors import FieldError, RequestInvalidError, json_pointer
from resma.i18n.locales import DEFAULT_LOCALE, LOCALES, Weekday
from resma.requests.report_request import ReportRequest
from resma.schedules.periods import Period, days_of
from resma.validation_messages import advise


def serialize_request(request: ReportRequest) -> dict[str, Any]:
    """The request as JSON, as it was written: what it left out stays out, and is filled in when it is asked for.

    Raises RequestInvalidError where it would join others.
    """
    if request.deduplicate:
        field_error = FieldError("/request/deduplicate", "Remove it: each run of a schedule is a report of its own.")
        raise RequestInvalidError("The request of a schedule can't join another one.", (field_error,))
    return request.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"deduplicate"})


def fill_request(
    kept: Mapping[str, Any],
    period: Period | None,
    day: date,
    time_zone: str,
    week_starts_on: Weekday | None,
) -> ReportRequest:
    """What is asked for on a day. A request that names no time zone has its schedule's.

    Weeks begin as the schedule says, otherwise as is usual where the request's readers live (`week_start_of`). Raises
    RequestInvalidError where the period does not go with the report type, or the request was kept by other code and
    means nothing any more.
    """
    filled = {"timeZone": time_zone, **kept}
    if period is not None:
        _require_period_filters(str(kept["type"]), kept.get("filters", {}))
        first, last = days_of(period, day, week_starts_on or week_start_of(kept))
        filled["filters"] = {**kept.get("filters", {}), "from": first.isoformat(), "to": last.isoformat()}
    try:
        return ReportRequest.model_validate(filled)
    except ValidationError as error:
        field_errors = [FieldError(json_pointer("request", *item["loc"]), advise(item)) for item in error.errors()]
        raise RequestInvalidError.of(field_errors) from None


def week_start_of(request: Mapping[str, Any] | None) -> Weekday:
    """The first day of the week for the readers of a request, as it is kept: by its locale."""
    tag = (request or {}).get("locale", DEFAULT_LOCALE.tag)
    return LOCALES.get(tag, DEFAULT_LOCALE).week_starts_on


def _require_period_filters(type_: str, filters: Mapping[str, Any]) -> None:
    """Raises RequestInvalidError if the type has no filters for the days of a period, or the request sets them."""
    if (report_type := load_catalog().get(type_)) is None:
        return  # the check of the request says so
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
