"""Validation of query parameters and headers beyond that of pydantic, so that one response has all errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

from api.http.cursor import cursor_invalid
from api.http.routing import current_route
from api.http.timestamps import read_timestamp
from resma.request_errors import FieldError, RequestInvalidError, collect_errors, json_pointer
from resma.requests.report_request import ReportRequest
from resma.requests.submit import idempotency_key_errors

_ESTIMATE = "/estimate"


def parameter_errors(route: Any, query: Mapping[str, str], headers: Mapping[str, str]) -> list[FieldError]:
    """Returns all validation errors of the query parameters and the Idempotency-Key that a route reads."""
    return [*_query_errors(route, query), *_header_errors(route, headers)]


def check_parameters(app: APIGatewayRestResolver, call_next: Callable[..., Response[Any]]) -> Response[Any]:
    """Middleware that raises RequestInvalidError with all errors of query parameters that pydantic accepted."""
    if field_errors := list(_query_errors(current_route(app), app.current_event.query_string_parameters or {})):
        raise RequestInvalidError.of(field_errors)
    return call_next(app)


def _query_errors(route: Any, query: Mapping[str, str]) -> Iterator[FieldError]:
    yield from _unknown_parameters(route, query)
    for field in route.dependant.query_params:
        schema: Mapping[str, Any] = field.field_info.json_schema_extra or {}
        text = query.get(field.alias)
        if text is None:
            continue
        field_errors: list[FieldError] = []
        with collect_errors(field_errors):
            if schema.get("format") == "date-time":
                read_timestamp(text, field.alias)
            elif field.alias == "cursor" and re.fullmatch(schema["pattern"], text, re.ASCII) is None:
                raise cursor_invalid()
        yield from field_errors


def _unknown_parameters(route: Any, query: Mapping[str, str]) -> Iterator[FieldError]:
    """Yields an error for each unknown query parameter. Web pages accept any: identity providers add their own."""
    if not route.include_in_schema:
        return
    known = [field.alias for field in route.dependant.query_params]
    advice = f"The parameters are {', '.join(known)}." if known else "Remove it, because this URL has no parameters."
    for name in query:
        if name not in known:
            yield FieldError(json_pointer(name), f"This query parameter does not exist. {advice}")


def _header_errors(route: Any, headers: Mapping[str, str]) -> Iterator[FieldError]:
    """Yields errors of the Idempotency-Key. Routes with a report request read it, except estimates."""
    if any(field.type_ is ReportRequest for field in route.dependant.body_params) and not route.path.endswith(
        _ESTIMATE
    ):
        yield from idempotency_key_errors(headers.get("Idempotency-Key"))
