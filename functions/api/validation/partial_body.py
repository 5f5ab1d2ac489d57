"""What else is wrong with a body whose form is not right, so that a caller sees all errors at once.

Pydantic finds what has the wrong form, such as a number where a string must be. What only makes sense together, such as
two dates, is checked after that, and here for the parts of the body that do have the right form.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from api.deployment_rules import DeploymentRules
from api.schedules.models import PreviewRequest, ScheduleChanges
from api.webhooks.manage_endpoints import report_type_errors
from api.webhooks.models import EndpointChanges, EndpointRequest
from resma.errors import FieldError, collect_errors, first_part, json_pointer
from resma.requests.report_request import ReportRequest
from resma.requests.submit import find_partial_errors
from resma.schedules.times import read_timing
from resma.webhooks.url_errors import webhook_url_errors

_PERIOD_FILTERS = {"/filters/from", "/filters/to"}


def find_more_errors(
    model: type[BaseModel], body: object, known: Sequence[FieldError], rules: DeploymentRules
) -> list[FieldError]:
    """What is wrong with the parts of a body that the faults which are known are not about."""
    if not isinstance(body, Mapping):
        return []
    wrong = {first_part(field_error.pointer) for field_error in known}
    if issubclass(model, ReportRequest):
        return find_partial_errors(body, wrong, rules.errors_of)
    if issubclass(model, PreviewRequest | ScheduleChanges):
        return [*_timing_errors(body, wrong, rules), *_scheduled_request_errors(body, known, rules)]
    if issubclass(model, EndpointRequest | EndpointChanges):
        return list(_endpoint_errors(body, wrong, rules))
    return []


def _scheduled_request_errors(
    body: Mapping[str, Any], known: Sequence[FieldError], rules: DeploymentRules
) -> Iterator[FieldError]:
    request = body.get("request")
    inner = [
        field_error.pointer.removeprefix("/request")
        for field_error in known
        if first_part(field_error.pointer) == "request"
    ]
    if not isinstance(request, Mapping) or "" in inner:
        return
    if body.get("timeZone") is not None and isinstance(body["timeZone"], str):
        request = {"timeZone": body["timeZone"], **request}
    for field_error in find_partial_errors(request, {first_part(pointer) for pointer in inner}, rules.errors_of):
        is_filled_in = field_error.pointer in _PERIOD_FILTERS and body.get("period") is not None
        is_the_schedule_s = field_error.pointer == "/timeZone" and "timeZone" not in body["request"]
        if not is_filled_in and not is_the_schedule_s:
            yield FieldError(json_pointer("request") + field_error.pointer, field_error.detail)


def _timing_errors(body: Mapping[str, Any], wrong: Collection[str], rules: DeploymentRules) -> Iterator[FieldError]:
    said = {name: body[name] for name in ("when", "at", "timeZone", "calendar") if body.get(name) is not None}
    said = {name: value for name, value in said.items() if name not in wrong and isinstance(value, str)}
    if "when" not in said:  # what `at` and `calendar` may be depends on it
        said = {"when": "daily", **{name: value for name, value in said.items() if name == "timeZone"}}
    time_zone = said.get("timeZone", "UTC")
    field_errors: list[FieldError] = []
    with collect_errors(field_errors):
        read_timing(said["when"], said.get("at"), time_zone, said.get("calendar"))
    yield from field_errors
    yield from rules.time_zone_errors(time_zone)


def _endpoint_errors(body: Mapping[str, Any], wrong: Collection[str], rules: DeploymentRules) -> Iterator[FieldError]:
    if isinstance(url := body.get("url"), str) and "url" not in wrong:
        yield from webhook_url_errors(url, "/url", rules.receivers)
    if isinstance(names := body.get("reportTypes"), list) and "reportTypes" not in wrong:
        yield from report_type_errors(names)
