"""What is wrong with parameters and headers beyond what pydantic finds, so that one answer names all errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

from api.http.cursor import cursor_invalid
from api.http.routing import current_route
from api.http.timestamps import read_moment
from resma.errors import Fault, RequestInvalidError, collect_faults, json_pointer
from resma.requests.report_request import ReportRequest
from resma.requests.submit import idempotency_key_faults

_ESTIMATE = "/estimate"


def parameter_faults(route: Any, query: Mapping[str, str], headers: Mapping[str, str]) -> list[Fault]:
    """All that is wrong with the query of a request and its Idempotency-Key, as far as the route reads them."""
    return [*_query_faults(route, query), *_header_faults(route, headers)]


def check_parameters(app: APIGatewayRestResolver, call_next: Callable[..., Response[Any]]) -> Response[Any]:
    """Middleware that raises RequestInvalidError with all errors of a query in which pydantic has found none."""
    if faults := list(_query_faults(current_route(app), app.current_event.query_string_parameters or {})):
        raise RequestInvalidError.of(faults)
    return call_next(app)


def _query_faults(route: Any, query: Mapping[str, str]) -> Iterator[Fault]:
    yield from _unknown_parameters(route, query)
    for field in route.dependant.query_params:
        schema: Mapping[str, Any] = field.field_info.json_schema_extra or {}
        text = query.get(field.alias)
        if text is None:
            continue
        faults: list[Fault] = []
        with collect_faults(faults):
            if schema.get("format") == "date-time":
                read_moment(text, field.alias)
            elif field.alias == "cursor" and re.fullmatch(schema["pattern"], text, re.ASCII) is None:
                raise cursor_invalid()
        yield from faults


def _unknown_parameters(route: Any, query: Mapping[str, str]) -> Iterator[Fault]:
    """Pages for people are no part of the API: browsers, and identity providers that send people back, may add any."""
    if not route.include_in_schema:
        return
    known = [field.alias for field in route.dependant.query_params]
    advice = f"The parameters are {', '.join(known)}." if known else "There are none here. Remove it."
    for name in query:
        if name not in known:
            yield Fault(json_pointer(name), f"This query parameter does not exist. {advice}")


def _header_faults(route: Any, headers: Mapping[str, str]) -> Iterator[Fault]:
    """Of routes with a body, those that take a report request take a key, except estimates."""
    if any(field.type_ is ReportRequest for field in route.dependant.body_params) and not route.path.endswith(
        _ESTIMATE
    ):
        yield from idempotency_key_faults(headers.get("Idempotency-Key"))
