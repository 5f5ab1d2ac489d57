"""Errors as problem details (RFC 9457). The one place that knows which error is which HTTP status."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from itertools import islice
from typing import Any

from aws_lambda_powertools.event_handler import Response

from resma.errors import (
    DatabaseBusy,
    DatabaseUnavailable,
    Fault,
    IdempotencyKeyInFlight,
    IdempotencyKeyInvalid,
    IdempotencyKeyReused,
    ReportExpired,
    ReportNotFound,
    ReportNotReady,
    RequestError,
    RequestInvalid,
    RequestMalformed,
    RequestMediaTypeUnsupported,
    RequestTooLarge,
    ResmaError,
    ScopeMissing,
    WebhookDeliveryNotFound,
    WebhookDeliveryUnderWay,
    WebhookEndpointDisabled,
    WebhookEndpointNotFound,
    WebhookEndpointsTooMany,
    WebhookRotationRefused,
)

MEDIA_TYPE = "application/problem+json"

_STATUS: Mapping[type[ResmaError], HTTPStatus] = {
    RequestMalformed: HTTPStatus.BAD_REQUEST,
    IdempotencyKeyInvalid: HTTPStatus.BAD_REQUEST,
    ReportNotFound: HTTPStatus.NOT_FOUND,
    ReportNotReady: HTTPStatus.CONFLICT,
    IdempotencyKeyInFlight: HTTPStatus.CONFLICT,
    ReportExpired: HTTPStatus.GONE,
    RequestTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    RequestMediaTypeUnsupported: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    RequestInvalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    IdempotencyKeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    ScopeMissing: HTTPStatus.FORBIDDEN,
    WebhookEndpointNotFound: HTTPStatus.NOT_FOUND,
    WebhookDeliveryNotFound: HTTPStatus.NOT_FOUND,
    WebhookDeliveryUnderWay: HTTPStatus.CONFLICT,
    # No conflict that passes by itself: 409 would promise that with its Retry-After.
    WebhookEndpointsTooMany: HTTPStatus.UNPROCESSABLE_ENTITY,
    WebhookEndpointDisabled: HTTPStatus.UNPROCESSABLE_ENTITY,
    WebhookRotationRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    DatabaseUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    DatabaseBusy: HTTPStatus.SERVICE_UNAVAILABLE,
}

_FAULTS_MAX = 20
"""Faults that a problem lists; a request with more is not mended one by one."""

_RETRY_AFTER_SECONDS = 5
_RETRYABLE = {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.CONFLICT}


def problem_of(error: ResmaError, instance: str) -> Response[str]:
    """Turns an error of ours into a problem; one that no caller can mend shows no detail."""
    status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), None)
    if status is None:
        return unexpected_problem(instance)
    faults = error.faults if isinstance(error, RequestError) else ()
    detail = str(error) if isinstance(error, RequestError) else "the database can't be reached: try again in a moment"
    return problem(status, error.code, detail, instance, faults)


def unexpected_problem(instance: str) -> Response[str]:
    """A problem that says nothing of its cause; the log does."""
    detail = "something went wrong here: try again, and if it stays so, tell the operator the time of this answer"
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", detail, instance)


def problem(status: HTTPStatus, code: str, detail: str, instance: str, faults: Iterable[Fault] = ()) -> Response[str]:
    """Makes a problem document. `code` becomes its type, `faults` its member `errors`."""
    body: dict[str, Any] = {
        "type": f"urn:resma:problem:{code}",
        "title": code.replace("-", " ").capitalize(),
        "status": status.value,
        "detail": detail,
        "instance": instance,
    }
    if errors := [{"pointer": fault.pointer, "detail": fault.detail} for fault in islice(faults, _FAULTS_MAX)]:
        body["errors"] = errors
    headers: dict[str, str | list[str]] = {"Retry-After": str(_RETRY_AFTER_SECONDS)} if status in _RETRYABLE else {}
    return Response(status.value, MEDIA_TYPE, json.dumps(body, ensure_ascii=False), headers=headers)
