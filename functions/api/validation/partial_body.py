"""Further validation of a body in which pydantic found errors, so that callers see all errors at once.

Pydantic finds wrong types, such as a number instead of a string. Rules for several properties, such as the order of two
dates, are normally checked after that. Here they are checked for those properties that have the right type.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from api.deployment_rules import DeploymentRules
from api.schedules.models import PreviewRequest, ScheduleChanges
from api.webhooks.manage_endpoints import report_type_errors
from api.webhooks.models import EndpointChanges, EndpointRequest
from resma.request_errors import FieldError, collect_errors, first_part, json_pointer
from resma.requests.report_request import ReportRequest
from resma.requests.submit import find_partial_errors
from resma.schedules.times import read_timing
from resma.webhooks.url_errors import webhook_url_errors

_PERIOD_FILTERS = {"/filters/from", "/filters/to"}


def find_more_errors(
    model: type[BaseModel], body: object, known: Sequence[FieldError], rules: DeploymentRules
) -> list[FieldError]:
    """Returns the validation errors of those parts of a body in which no error is known yet."""
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
        is_of_schedule = field_error.pointer == "/timeZone" and "timeZone" not in body["request"]
        if not is_filled_in and not is_of_schedule:
            yield FieldError(json_pointer("request") + field_error.pointer, field_error.detail)


def _timing_errors(body: Mapping[str, Any], wrong: Collection[str], rules: DeploymentRules) -> Iterator[FieldError]:
    values = {name: body[name] for name in ("when", "at", "timeZone", "calendar") if body.get(name) is not None}
    values = {name: value for name, value in values.items() if name not in wrong and isinstance(value, str)}
    if "when" not in values:  # the rules for `at` and `calendar` depend on it
        values = {"when": "daily", **{name: value for name, value in values.items() if name == "timeZone"}}
    time_zone = values.get("timeZone", "UTC")
    field_errors: list[FieldError] = []
    with collect_errors(field_errors):
        read_timing(values["when"], values.get("at"), time_zone, values.get("calendar"))
    yield from field_errors
    yield from rules.time_zone_errors(time_zone)


def _endpoint_errors(body: Mapping[str, Any], wrong: Collection[str], rules: DeploymentRules) -> Iterator[FieldError]:
    if isinstance(url := body.get("url"), str) and "url" not in wrong:
        yield from webhook_url_errors(url, "/url", rules.receivers)
    if isinstance(names := body.get("reportTypes"), list) and "reportTypes" not in wrong:
        yield from report_type_errors(names)
