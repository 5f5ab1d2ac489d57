"""Problem details (RFC 9457) for errors. This is the only module that maps errors to HTTP statuses."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from itertools import islice
from typing import Any

from aws_lambda_powertools.event_handler import Response

from resma.errors import (
    DatabaseBusyError,
    DatabaseUnavailableError,
    DependencyUnavailableError,
    IdentityProviderUnavailableError,
    ResmaError,
)
from resma.request_errors import (
    ApiKeyInactiveError,
    ApiKeyNotFoundError,
    CertificateInUseError,
    CertificateNotFoundError,
    CredentialsInvalidError,
    CredentialsMissingError,
    DeadLetterNotFoundError,
    DestinationDisabledError,
    DestinationInUseError,
    DestinationNotFoundError,
    FieldError,
    FileDeliveryInProgressError,
    FileDeliveryNotFoundError,
    IdempotencyKeyInFlightError,
    IdempotencyKeyReusedError,
    QuotaExceededError,
    ReportDeletedError,
    ReportExpiredError,
    ReportFileNotFoundError,
    ReportFinishedError,
    ReportHasNoFileError,
    ReportHasNoSummaryError,
    ReportHeldError,
    ReportInProgressError,
    ReportNotFoundError,
    ReportNotReadyError,
    ReportNotRetryableError,
    ReportQueryRefusedError,
    RequestError,
    RequestInvalidError,
    RequestMalformedError,
    RequestTooLargeError,
    RoleMissingError,
    ScheduleNotFoundError,
    ScopeMissingError,
    SummaryNotReadyError,
    SuppressedAddressNotFoundError,
    TooManyCertificatesError,
    TooManyDestinationsError,
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
    RoleMissingError: HTTPStatus.FORBIDDEN,
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
    ReportHeldError: HTTPStatus.CONFLICT,
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
    DestinationNotFoundError: HTTPStatus.NOT_FOUND,
    FileDeliveryNotFoundError: HTTPStatus.NOT_FOUND,
    SuppressedAddressNotFoundError: HTTPStatus.NOT_FOUND,
    CertificateNotFoundError: HTTPStatus.NOT_FOUND,
    TooManyCertificatesError: HTTPStatus.CONFLICT,
    CertificateInUseError: HTTPStatus.CONFLICT,
    TooManyDestinationsError: HTTPStatus.CONFLICT,
    DestinationDisabledError: HTTPStatus.CONFLICT,
    DestinationInUseError: HTTPStatus.CONFLICT,
    FileDeliveryInProgressError: HTTPStatus.CONFLICT,
    ScheduleNotFoundError: HTTPStatus.NOT_FOUND,
    TooManySchedulesError: HTTPStatus.CONFLICT,
    DependencyUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    DatabaseBusyError: HTTPStatus.SERVICE_UNAVAILABLE,
    IdentityProviderUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}

_MAX_FIELD_ERRORS = 20
"""Maximum number of validation errors in a problem."""

_RETRY_AFTER_SECONDS = 5
_TEMPORARY = {
    kind.code
    for kind in (
        IdempotencyKeyInFlightError,
        SummaryNotReadyError,
        ReportNotReadyError,
        WebhookDeliveryInProgressError,
        FileDeliveryInProgressError,
    )
}
"""Codes of conflicts that go away by themselves. The others require an action of the caller first."""


def problem_of(error: ResmaError, instance: str) -> Response[str]:
    """Returns the problem for an error. The detail of an error that callers cannot fix is not shown."""
    status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), None)
    if status is None:
        return unexpected_problem(instance)
    field_errors = error.field_errors if isinstance(error, RequestError) else ()
    detail = (
        str(error)
        if isinstance(error, RequestError)
        else f"{_dependency_of(error)} is unavailable. Try again in a moment."
    )
    answer = problem(status, error.code, detail, instance, field_errors)
    answer.headers.update(_headers_of(error))
    return answer


def _dependency_of(error: ResmaError) -> str:
    if isinstance(error, IdentityProviderUnavailableError):
        return "The identity provider"
    return (
        "The database"
        if isinstance(error, DatabaseUnavailableError | DatabaseBusyError)
        else "A service that this request needs"
    )


def _headers_of(error: ResmaError) -> dict[str, str]:
    """Returns the headers of an error: when to try again, and how to authenticate (RFC 6750 §3)."""
    match error:
        case CredentialsMissingError():
            return {"WWW-Authenticate": "Bearer"}
        case CredentialsInvalidError():
            return {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        case ScopeMissingError():
            return {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{error.scope}"'}
        case RoleMissingError():
            return {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}
        case QuotaExceededError():
            return {"Retry-After": str(max(1, math.ceil(error.seconds)))}
        case _:
            return {}


def unexpected_problem(instance: str) -> Response[str]:
    """Returns a problem without its cause, which is in the log only."""
    detail = (
        "An internal error occurred. Try again. If it happens again, report the time of this response to the operator."
    )
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", detail, instance)


def problem(
    status: HTTPStatus, code: str, detail: str, instance: str, field_errors: Iterable[FieldError] = ()
) -> Response[str]:
    """Returns a problem document. `code` becomes its `type`, and `field_errors` its property `errors`."""
    body: dict[str, Any] = {
        "type": f"urn:resma:problem:{code}",
        "title": code.replace("-", " ").capitalize(),
        "status": status.value,
        "detail": detail,
        "instance": instance,
    }
    if errors := [
        {"pointer": field_error.pointer, "detail": field_error.detail}
        for field_error in islice(field_errors, _MAX_FIELD_ERRORS)
    ]:
        body["errors"] = errors
    is_temporary = status == HTTPStatus.SERVICE_UNAVAILABLE or code in _TEMPORARY
    headers: dict[str, str | list[str]] = {"Retry-After": str(_RETRY_AFTER_SECONDS)} if is_temporary else {}
    return Response(status.value, MEDIA_TYPE, json.dumps(body, ensure_ascii=False), headers=headers)
