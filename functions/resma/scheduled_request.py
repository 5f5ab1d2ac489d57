"""The request of a schedule, and what it asks for at a time: its period's days filled in, in its time zone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import ValidationError

from resma.catalogue import find_report_type
from resma.errors import Fault, RequestInvalid, json_pointer
from resma.report_request import ReportRequest
from resma.schedule_periods import Period, days_of


def keep_request(request: ReportRequest) -> dict[str, Any]:
    """The request as JSON, as it was written: what it left out stays out, and is filled in when it is asked for.

    Raises RequestInvalid where it would join others.
    """
    if request.coalesce:
        fault = Fault("/request/coalesce", "leave it out: each run of a schedule is a report of its own")
        raise RequestInvalid("a schedule's request joins no other", (fault,))
    return request.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"coalesce"})


def fill_request(kept: Mapping[str, Any], period: Period | None, day: date, time_zone: str) -> ReportRequest:
    """What is asked for on a day. A request that names no time zone has its schedule's.

    Raises RequestInvalid where the period does not go with the report type, or the request was kept by other code and
    means nothing any more.
    """
    filled = {"timeZone": time_zone, **kept}
    if period is not None:
        _require_period_filters(str(kept["type"]), kept.get("filters", {}))
        first, last = days_of(period, day)
        filled["filters"] = {**kept.get("filters", {}), "from": first.isoformat(), "to": last.isoformat()}
    try:
        return ReportRequest.model_validate(filled)
    except ValidationError as error:
        faults = tuple(Fault(json_pointer("request", *item["loc"]), item["msg"]) for item in error.errors())
        raise RequestInvalid("the request is none any more: write it again", faults) from None


def _require_period_filters(type_: str, filters: Mapping[str, Any]) -> None:
    """Raises RequestInvalid where the type has no filters for a period's days, or the request has filled them in."""
    dates = {item.name for item in find_report_type(type_).filters if item.kind == "date"}
    if not {"from", "to"} <= dates:
        raise RequestInvalid(
            f"{type_} has no filters `from` and `to`", (Fault("/period", "leave it out: this report type has no days"),)
        )
    if faults := tuple(
        Fault(json_pointer("request", "filters", name), "leave it out: the period says which days")
        for name in ("from", "to")
        if filters.get(name) is not None
    ):
        raise RequestInvalid("a period fills in the filters `from` and `to`", faults)
