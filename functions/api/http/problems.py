"""Errors as problem details (RFC 9457). The one place that knows which error is which HTTP status."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from itertools import islice
from typing import Any

from aws_lambda_powertools.event_handler import Response

from resma.errors import (
    ApiKeyEnded,
    ApiKeyNotFound,
    CredentialsInvalid,
    CredentialsMissing,
    DatabaseBusy,
    DatabaseUnavailable,
    DependencyUnavailableError,
    Fault,
    FileNotFound,
    IdempotencyKeyInFlight,
    IdempotencyKeyReused,
    IdentityProviderUnavailable,
    NoDeadLetter,
    QuotaExceeded,
    ReportDeletedError,
    ReportEnded,
    ReportExpired,
    ReportHasNoFile,
    ReportHasNoSummary,
    ReportInProgressError,
    ReportNotCounted,
    ReportNotFound,
    ReportNotReady,
    ReportNotRetried,
    ReportQueryRefusedError,
    RequestError,
    RequestInvalid,
    RequestMalformed,
    RequestMediaTypeUnsupported,
    RequestTooLarge,
    ResmaError,
    ScheduleNotFound,
    SchedulesTooMany,
    ScopeMissing,
    WebhookDeliveryNotFound,
    WebhookDeliveryUnderWay,
    WebhookEndpointDisabled,
    WebhookEndpointFixed,
    WebhookEndpointNotFound,
    WebhookEndpointsTooMany,
    WebhookEventMissingError,
    WebhookRotationRefused,
)

MEDIA_TYPE = "application/problem+json"

_STATUS: Mapping[type[ResmaError], HTTPStatus] = {
    RequestMalformed: HTTPStatus.BAD_REQUEST,
    CredentialsMissing: HTTPStatus.UNAUTHORIZED,
    CredentialsInvalid: HTTPStatus.UNAUTHORIZED,
    ScopeMissing: HTTPStatus.FORBIDDEN,
    QuotaExceeded: HTTPStatus.TOO_MANY_REQUESTS,
    ApiKeyNotFound: HTTPStatus.NOT_FOUND,
    ApiKeyEnded: HTTPStatus.GONE,
    ReportNotFound: HTTPStatus.NOT_FOUND,
    FileNotFound: HTTPStatus.NOT_FOUND,
    ReportNotReady: HTTPStatus.CONFLICT,
    ReportHasNoFile: HTTPStatus.CONFLICT,
    ReportNotCounted: HTTPStatus.CONFLICT,
    ReportHasNoSummary: HTTPStatus.CONFLICT,
    ReportEnded: HTTPStatus.CONFLICT,
    ReportInProgressError: HTTPStatus.CONFLICT,
    ReportNotRetried: HTTPStatus.CONFLICT,
    NoDeadLetter: HTTPStatus.CONFLICT,
    IdempotencyKeyInFlight: HTTPStatus.CONFLICT,
    ReportExpired: HTTPStatus.GONE,
    ReportDeletedError: HTTPStatus.GONE,
    RequestTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    RequestMediaTypeUnsupported: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    RequestInvalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    ReportQueryRefusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    IdempotencyKeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    WebhookEndpointNotFound: HTTPStatus.NOT_FOUND,
    WebhookDeliveryNotFound: HTTPStatus.NOT_FOUND,
    WebhookDeliveryUnderWay: HTTPStatus.CONFLICT,
    WebhookEndpointsTooMany: HTTPStatus.CONFLICT,
    WebhookEndpointDisabled: HTTPStatus.CONFLICT,
    WebhookEventMissingError: HTTPStatus.CONFLICT,
    WebhookEndpointFixed: HTTPStatus.CONFLICT,
    WebhookRotationRefused: HTTPStatus.CONFLICT,
    ScheduleNotFound: HTTPStatus.NOT_FOUND,
    SchedulesTooMany: HTTPStatus.CONFLICT,
    DependencyUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    DatabaseBusy: HTTPStatus.SERVICE_UNAVAILABLE,
    IdentityProviderUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

_FAULTS_MAX = 20
"""Faults that a problem lists; a request with more is not mended one by one."""

_RETRY_AFTER_SECONDS = 5
_PASSING = {kind.code for kind in (IdempotencyKeyInFlight, ReportNotCounted, ReportNotReady, WebhookDeliveryUnderWay)}
"""Conflicts that pass by themselves; others ask for something to be done first."""


def problem_of(error: ResmaError, instance: str) -> Response[str]:
    """Turns an error of ours into a problem; one that no caller can mend shows no detail."""
    status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), None)
    if status is None:
        return unexpected_problem(instance)
    faults = error.faults if isinstance(error, RequestError) else ()
    detail = (
        str(error) if isinstance(error, RequestError) else f"{_away(error)} can't be reached: try again in a moment"
    )
    answer = problem(status, error.code, detail, instance, faults)
    answer.headers.update(_headers_of(error))
    return answer


def _away(error: ResmaError) -> str:
    if isinstance(error, IdentityProviderUnavailable):
        return "the identity provider"
    return "the database" if isinstance(error, DatabaseUnavailable | DatabaseBusy) else "a service that this needs"


def _headers_of(error: ResmaError) -> dict[str, str]:
    """When to come again, and how a caller makes itself known (RFC 6750 §3)."""
    match error:
        case CredentialsMissing():
            return {"WWW-Authenticate": "Bearer"}
        case CredentialsInvalid():
            return {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        case ScopeMissing():
            return {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{error.scope}"'}
        case QuotaExceeded():
            return {"Retry-After": str(max(1, math.ceil(error.seconds)))}
        case _:
            return {}


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
    passes = status == HTTPStatus.SERVICE_UNAVAILABLE or code in _PASSING
    headers: dict[str, str | list[str]] = {"Retry-After": str(_RETRY_AFTER_SECONDS)} if passes else {}
    return Response(status.value, MEDIA_TYPE, json.dumps(body, ensure_ascii=False), headers=headers)
