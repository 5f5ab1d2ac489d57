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
from api.webhooks.manage_endpoints import report_type_faults
from api.webhooks.models import EndpointChanges, EndpointRequest
from resma.errors import Fault, collect_faults, first_part, json_pointer
from resma.requests.report_request import ReportRequest
from resma.requests.submit import find_partial_faults
from resma.schedules.times import read_timing
from resma.webhooks.check_address import webhook_url_faults

_PERIOD_FILTERS = {"/filters/from", "/filters/to"}


def find_more_faults(
    model: type[BaseModel], body: object, known: Sequence[Fault], rules: DeploymentRules
) -> list[Fault]:
    """What is wrong with the parts of a body that the faults which are known are not about."""
    if not isinstance(body, Mapping):
        return []
    wrong = {first_part(fault.pointer) for fault in known}
    if issubclass(model, ReportRequest):
        return find_partial_faults(body, wrong, rules.faults_of)
    if issubclass(model, PreviewRequest | ScheduleChanges):
        return [*_timing_faults(body, wrong, rules), *_scheduled_request_faults(body, known, rules)]
    if issubclass(model, EndpointRequest | EndpointChanges):
        return list(_endpoint_faults(body, wrong, rules))
    return []


def _scheduled_request_faults(
    body: Mapping[str, Any], known: Sequence[Fault], rules: DeploymentRules
) -> Iterator[Fault]:
    request = body.get("request")
    inner = [fault.pointer.removeprefix("/request") for fault in known if first_part(fault.pointer) == "request"]
    if not isinstance(request, Mapping) or "" in inner:
        return
    if body.get("timeZone") is not None and isinstance(body["timeZone"], str):
        request = {"timeZone": body["timeZone"], **request}
    for fault in find_partial_faults(request, {first_part(pointer) for pointer in inner}, rules.faults_of):
        is_filled_in = fault.pointer in _PERIOD_FILTERS and body.get("period") is not None
        is_the_schedule_s = fault.pointer == "/timeZone" and "timeZone" not in body["request"]
        if not is_filled_in and not is_the_schedule_s:
            yield Fault(json_pointer("request") + fault.pointer, fault.detail)


def _timing_faults(body: Mapping[str, Any], wrong: Collection[str], rules: DeploymentRules) -> Iterator[Fault]:
    said = {name: body[name] for name in ("when", "at", "timeZone", "calendar") if body.get(name) is not None}
    said = {name: value for name, value in said.items() if name not in wrong and isinstance(value, str)}
    if "when" not in said:  # what `at` and `calendar` may be depends on it
        said = {"when": "daily", **{name: value for name, value in said.items() if name == "timeZone"}}
    time_zone = said.get("timeZone", "UTC")
    faults: list[Fault] = []
    with collect_faults(faults):
        read_timing(said["when"], said.get("at"), time_zone, said.get("calendar"))
    yield from faults
    yield from rules.time_zone_faults(time_zone)


def _endpoint_faults(body: Mapping[str, Any], wrong: Collection[str], rules: DeploymentRules) -> Iterator[Fault]:
    if isinstance(url := body.get("url"), str) and "url" not in wrong:
        yield from webhook_url_faults(url, "/url", rules.receivers)
    if isinstance(names := body.get("reportTypes"), list) and "reportTypes" not in wrong:
        yield from report_type_faults(names)
