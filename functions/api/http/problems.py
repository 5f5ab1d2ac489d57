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
    ApiKeyInactiveError,
    ApiKeyNotFoundError,
    CredentialsInvalidError,
    CredentialsMissingError,
    DatabaseBusyError,
    DatabaseUnavailableError,
    DeadLetterNotFoundError,
    DependencyUnavailableError,
    FieldError,
    IdempotencyKeyInFlightError,
    IdempotencyKeyReusedError,
    IdentityProviderUnavailableError,
    QuotaExceededError,
    ReportDeletedError,
    ReportExpiredError,
    ReportFileNotFoundError,
    ReportFinishedError,
    ReportHasNoFileError,
    ReportHasNoSummaryError,
    ReportInProgressError,
    ReportNotFoundError,
    ReportNotReadyError,
    ReportNotRetryableError,
    ReportQueryRefusedError,
    RequestError,
    RequestInvalidError,
    RequestMalformedError,
    RequestTooLargeError,
    ResmaError,
    ScheduleNotFoundError,
    ScopeMissingError,
    SummaryNotReadyError,
    TooManySchedulesError,
    TooManyWebhookEndpointsError,
    UnsupportedMediaTypeError,
    WebhookDeliveryInProgressError,
    WebhookDeliveryNotFoundError,
    WebhookEndpointDisabledError,
    WebhookEndpointNotFoundError,
    WebhookEndpointReadOnlyError,
    WebhookEventMissingError,
    WebhookRotationRefusedError,
)

MEDIA_TYPE = "application/problem+json"

_STATUS: Mapping[type[ResmaError], HTTPStatus] = {
    RequestMalformedError: HTTPStatus.BAD_REQUEST,
    CredentialsMissingError: HTTPStatus.UNAUTHORIZED,
    CredentialsInvalidError: HTTPStatus.UNAUTHORIZED,
    ScopeMissingError: HTTPStatus.FORBIDDEN,
    QuotaExceededError: HTTPStatus.TOO_MANY_REQUESTS,
    ApiKeyNotFoundError: HTTPStatus.NOT_FOUND,
    ApiKeyInactiveError: HTTPStatus.GONE,
    ReportNotFoundError: HTTPStatus.NOT_FOUND,
    ReportFileNotFoundError: HTTPStatus.NOT_FOUND,
    ReportNotReadyError: HTTPStatus.CONFLICT,
    ReportHasNoFileError: HTTPStatus.CONFLICT,
    SummaryNotReadyError: HTTPStatus.CONFLICT,
    ReportHasNoSummaryError: HTTPStatus.CONFLICT,
    ReportFinishedError: HTTPStatus.CONFLICT,
    ReportInProgressError: HTTPStatus.CONFLICT,
    ReportNotRetryableError: HTTPStatus.CONFLICT,
    DeadLetterNotFoundError: HTTPStatus.CONFLICT,
    IdempotencyKeyInFlightError: HTTPStatus.CONFLICT,
    ReportExpiredError: HTTPStatus.GONE,
    ReportDeletedError: HTTPStatus.GONE,
    RequestTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedMediaTypeError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    RequestInvalidError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ReportQueryRefusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    IdempotencyKeyReusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    WebhookEndpointNotFoundError: HTTPStatus.NOT_FOUND,
    WebhookDeliveryNotFoundError: HTTPStatus.NOT_FOUND,
    WebhookDeliveryInProgressError: HTTPStatus.CONFLICT,
    TooManyWebhookEndpointsError: HTTPStatus.CONFLICT,
    WebhookEndpointDisabledError: HTTPStatus.CONFLICT,
    WebhookEventMissingError: HTTPStatus.CONFLICT,
    WebhookEndpointReadOnlyError: HTTPStatus.CONFLICT,
    WebhookRotationRefusedError: HTTPStatus.CONFLICT,
    ScheduleNotFoundError: HTTPStatus.NOT_FOUND,
    TooManySchedulesError: HTTPStatus.CONFLICT,
    DependencyUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    DatabaseBusyError: HTTPStatus.SERVICE_UNAVAILABLE,
    IdentityProviderUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}

_MAX_FAULTS = 20
"""Faults that a problem lists; a request with more is not mended one by one."""

_RETRY_AFTER_SECONDS = 5
_PASSING = {
    kind.code
    for kind in (IdempotencyKeyInFlightError, SummaryNotReadyError, ReportNotReadyError, WebhookDeliveryInProgressError)
}
"""Conflicts that pass by themselves; others ask for something to be done first."""


def problem_of(error: ResmaError, instance: str) -> Response[str]:
    """Turns an error of ours into a problem; one that no caller can mend shows no detail."""
    status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), None)
    if status is None:
        return unexpected_problem(instance)
    field_errors = error.field_errors if isinstance(error, RequestError) else ()
    detail = (
        str(error) if isinstance(error, RequestError) else f"{_away(error)} can't be reached: try again in a moment"
    )
    answer = problem(status, error.code, detail, instance, field_errors)
    answer.headers.update(_headers_of(error))
    return answer


def _away(error: ResmaError) -> str:
    if isinstance(error, IdentityProviderUnavailableError):
        return "the identity provider"
    return (
        "the database"
        if isinstance(error, DatabaseUnavailableError | DatabaseBusyError)
        else "a service that this needs"
    )


def _headers_of(error: ResmaError) -> dict[str, str]:
    """When to come again, and how a caller makes itself known (RFC 6750 §3)."""
    match error:
        case CredentialsMissingError():
            return {"WWW-Authenticate": "Bearer"}
        case CredentialsInvalidError():
            return {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        case ScopeMissingError():
            return {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{error.scope}"'}
        case QuotaExceededError():
            return {"Retry-After": str(max(1, math.ceil(error.seconds)))}
        case _:
            return {}


def unexpected_problem(instance: str) -> Response[str]:
    """A problem that says nothing of its cause; the log does."""
    detail = "something went wrong here: try again, and if it stays so, tell the operator the time of this answer"
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", detail, instance)


def problem(
    status: HTTPStatus, code: str, detail: str, instance: str, field_errors: Iterable[FieldError] = ()
) -> Response[str]:
    """Makes a problem document. `code` becomes its type, `faults` its member `errors`."""
    body: dict[str, Any] = {
        "type": f"urn:resma:problem:{code}",
        "title": code.replace("-", " ").capitalize(),
        "status": status.value,
        "detail": detail,
        "instance": instance,
    }
    if errors := [
        {"pointer": field_error.pointer, "detail": field_error.detail}
        for field_error in islice(field_errors, _MAX_FAULTS)
    ]:
        body["errors"] = errors
    passes = status == HTTPStatus.SERVICE_UNAVAILABLE or code in _PASSING
    headers: dict[str, str | list[str]] = {"Retry-After": str(_RETRY_AFTER_SECONDS)} if passes else {}
    return Response(status.value, MEDIA_TYPE, json.dumps(body, ensure_ascii=False), headers=headers)
