"""Errors of requests: the caller can fix them, and the API returns them as problems (RFC 9457).

RequestError                      the caller can fix it; the API returns it as a problem (RFC 9457)
|-- RequestMalformedError             the body is not JSON, or not a JSON object
|-- RequestTooLargeError
|-- UnsupportedMediaTypeError
|-- RequestInvalidError               unknown report type, format or filter, or a value out of range
|   `-- ReportTypeInvalidError            the report type has errors in the catalog
|-- CredentialsMissingError
|-- CredentialsInvalidError           the key or token is unknown, expired or revoked
|-- ScopeMissingError                 the caller lacks a scope
|-- RoleMissingError                  no group of the person has permissions in this deployment
|-- QuotaExceededError                a limit of the tenant is reached; the caller can retry later
|-- ApiKeyNotFoundError
|-- ApiKeyInactiveError               the key is revoked, expired or already rotated
|-- ReportNotFoundError
|   `-- ReportDeletedError
|-- ReportInProgressError             the report cannot be deleted before it has ended
|-- ReportHeldError                   the report has a legal hold, so nothing of it can be deleted
|-- ReportFileNotFoundError           the report has no file of the requested format
|-- SummaryNotReadyError
|-- ReportHasNoSummaryError           the report ended before its data were counted, or it has expired
|-- ReportNotReadyError
|-- ReportHasNoFileError              the report has failed or was cancelled
|-- ReportExpiredError
|-- ReportNotRetryableError           the report is in progress or READY
|-- ReportFinishedError               the report cannot be cancelled because it has ended
|-- DeadLetterNotFoundError           the report cannot be redriven because it is not a dead letter
|-- IdempotencyKeyReusedError         the key was used with a different request
|-- IdempotencyKeyInFlightError       the first request with the key has not been answered yet
|-- WebhookUrlNotAllowedError         the URL is not valid, or does not lead to an allowed receiver
|-- WebhookEndpointNotFoundError
|-- TooManyWebhookEndpointsError
|-- WebhookEndpointDisabledError      deliveries to a disabled endpoint cannot be replayed
|-- WebhookEndpointReadOnlyError      the endpoint of callbacks cannot be changed
|-- WebhookRotationRefusedError       a second rotation would end the previous secret too early
|-- WebhookDeliveryNotFoundError
|-- WebhookDeliveryInProgressError    a delivery cannot be replayed while an attempt is in progress
|-- WebhookEventMissingError          a test event needs an earlier event of the tenant
|-- DestinationNotFoundError
|-- TooManyDestinationsError
|-- DestinationDisabledError          nothing is delivered to a disabled destination
|-- DestinationInUseError             a destination that schedules name cannot be deleted
|-- FileDeliveryNotFoundError
|-- SuppressedAddressNotFoundError
|-- FileDeliveryInProgressError       a delivery cannot be replayed while an attempt is in progress
|-- ScheduleNotFoundError
|-- TooManySchedulesError
|-- ReportQueryRefusedError           the database rejects the report's query with the values of this request
`-- OwnerNotAuthorizedError           the owner of a schedule may not request reports, or not any longer
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from resma.errors import ResmaError

_MAX_POINTER_SHOWN = 200
"""Maximum number of characters of a JSON pointer in a problem's `detail`; its `errors` have the whole pointer."""


def json_pointer(*parts: object) -> str:
    """Returns the JSON pointer (RFC 6901) for a path of property names and indexes; no parts: the whole document."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def first_part(pointer: str) -> str:
    """Returns the name of the top-level property that a JSON pointer refers to."""
    return pointer[1:].split("/", maxsplit=1)[0].replace("~1", "/").replace("~0", "~")


@dataclass(frozen=True)
class FieldError:
    """One validation error of a request. `pointer` is a JSON pointer (RFC 6901), `detail` says how to fix it."""

    pointer: str
    detail: str


class RequestError(ResmaError):
    """An error that the caller can fix."""

    def __init__(self, detail: str, field_errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field_errors = field_errors


@contextmanager
def collect_errors(field_errors: list[FieldError]) -> Iterator[None]:
    """Appends validation errors of the block to `field_errors` instead of raising them, so that all checks run."""
    try:
        yield
    except RequestInvalidError as error:
        field_errors += error.field_errors or (FieldError("", error.detail),)


@contextmanager
def point_into(name: str) -> Iterator[None]:
    """Prefixes the pointers of validation errors that the block raises with the property `name`."""
    try:
        yield
    except RequestError as error:
        error.field_errors = tuple(
            FieldError(json_pointer(name) + field_error.pointer, field_error.detail)
            for field_error in error.field_errors
        )
        raise


class RequestMalformedError(RequestError):
    """The body is not JSON, or not a JSON object."""

    code = "request-malformed"


class RequestTooLargeError(RequestError):
    """The body is larger than the limit."""

    code = "request-too-large"


class UnsupportedMediaTypeError(RequestError):
    """The content type of the body is not supported."""

    code = "unsupported-media-type"


class RequestInvalidError(RequestError):
    """The request has validation errors: `field_errors` lists them."""

    code = "request-invalid"

    @classmethod
    def of(cls, field_errors: Sequence[FieldError]) -> RequestInvalidError:
        """Returns the error for these validation errors, in their order and without duplicates."""
        distinct = tuple(dict.fromkeys(field_errors))
        if len(distinct) == 1:
            pointer, detail = distinct[0].pointer, distinct[0].detail
            where = pointer if len(pointer) <= _MAX_POINTER_SHOWN else f"{pointer[:_MAX_POINTER_SHOWN]}…"
            located = f"{where}: {detail}" if where else detail
            return cls(f"One part of the request is not valid: {located}", distinct)
        return cls(f"{len(distinct)} parts of the request are not valid: see `errors`.", distinct)


class ReportTypeInvalidError(RequestInvalidError):
    """The report type has errors in the catalog, so that it cannot be generated until they are corrected."""

    code = "catalog-invalid"


class CredentialsMissingError(RequestError):
    """The request has no API key and no token."""

    code = "credentials-missing"


class CredentialsInvalidError(RequestError):
    """The API key or token of the request is not valid."""

    code = "credentials-invalid"


class ScopeMissingError(RequestError):
    """The caller lacks the scope `scope`."""

    code = "scope-missing"

    def __init__(self, detail: str, scope: str, field_errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(detail, field_errors)
        self.scope = scope


class RoleMissingError(RequestError):
    """The token of a person names no group that has permissions in this deployment."""

    code = "role-missing"


class QuotaExceededError(RequestError):
    """A quota of the tenant is used up. `code` names the quota, `seconds` is the time until a retry can succeed."""

    def __init__(self, code: str, detail: str, seconds: float) -> None:
        super().__init__(detail)
        self.code = code
        self.seconds = seconds


class ApiKeyNotFoundError(RequestError):
    """The tenant has no API key with this id."""

    code = "api-key-not-found"


class ApiKeyInactiveError(RequestError):
    """The API key is revoked, expired or already rotated."""

    code = "api-key-inactive"


class ReportNotFoundError(RequestError):
    """The tenant has no report with this id."""

    code = "report-not-found"


class ReportDeletedError(ReportNotFoundError):
    """A caller has deleted the report."""

    code = "report-deleted"


class ReportInProgressError(RequestError):
    """The report is PENDING or GENERATING, so it cannot be deleted yet."""

    code = "report-in-progress"


class ReportHeldError(RequestError):
    """The report has a legal hold, so that neither it nor its files can be deleted."""

    code = "report-held"


class ReportFileNotFoundError(RequestError):
    """The report has no file of the requested format."""

    code = "file-not-found"


class SummaryNotReadyError(RequestError):
    """The data of the report have not been counted yet."""

    code = "summary-not-ready"


class ReportHasNoSummaryError(RequestError):
    """The report ended before its data were counted, or it has expired."""

    code = "report-has-no-summary"


class ReportNotReadyError(RequestError):
    """The files of the report are not finished yet."""

    code = "report-not-ready"


class ReportHasNoFileError(RequestError):
    """The report has failed or was cancelled, so it has no file."""

    code = "report-has-no-file"


class ReportExpiredError(RequestError):
    """The files of the report have been deleted, by a caller or because their retention period is over."""

    code = "report-expired"


class ReportNotRetryableError(RequestError):
    """The report is in progress or READY, so a retry is not needed."""

    code = "report-not-retryable"


class ReportFinishedError(RequestError):
    """The report has ended, so it cannot be cancelled."""

    code = "report-finished"


class DeadLetterNotFoundError(RequestError):
    """The report is not a dead letter, so it cannot be redriven."""

    code = "dead-letter-not-found"


class IdempotencyKeyReusedError(RequestError):
    """The Idempotency-Key was used with a different request before."""

    code = "idempotency-key-reused"


class IdempotencyKeyInFlightError(RequestError):
    """The first request with the Idempotency-Key has not been answered yet."""

    code = "idempotency-key-in-flight"


class WebhookUrlNotAllowedError(RequestError):
    """The URL is not valid, or does not lead to a receiver that is allowed."""

    code = "webhook-url-not-allowed"


class WebhookEndpointNotFoundError(RequestError):
    """The tenant has no webhook endpoint with this id."""

    code = "webhook-endpoint-not-found"


class TooManyWebhookEndpointsError(RequestError):
    """The tenant has the maximum number of webhook endpoints."""

    code = "too-many-webhook-endpoints"


class WebhookEndpointDisabledError(RequestError):
    """The webhook endpoint is disabled, so nothing is delivered to it."""

    code = "webhook-endpoint-disabled"


class WebhookEndpointReadOnlyError(RequestError):
    """The webhook endpoint of callbacks has no properties that can be changed."""

    code = "webhook-endpoint-read-only"


class WebhookRotationRefusedError(RequestError):
    """The previous secret is still valid, and another rotation would end it too early."""

    code = "webhook-rotation-refused"


class WebhookDeliveryNotFoundError(RequestError):
    """The tenant has no such webhook delivery."""

    code = "webhook-delivery-not-found"


class WebhookDeliveryInProgressError(RequestError):
    """An attempt at the webhook delivery is in progress, so it cannot be replayed."""

    code = "webhook-delivery-in-progress"


class WebhookEventMissingError(RequestError):
    """A test event was requested, but the tenant has no event yet."""

    code = "webhook-event-missing"


class DestinationNotFoundError(RequestError):
    """The tenant has no destination with this id."""

    code = "destination-not-found"


class TooManyDestinationsError(RequestError):
    """The tenant has the maximum number of destinations."""

    code = "too-many-destinations"


class DestinationDisabledError(RequestError):
    """The destination is disabled, so nothing is delivered to it."""

    code = "destination-disabled"


class DestinationInUseError(RequestError):
    """Schedules deliver to the destination, so it cannot be deleted."""

    code = "destination-in-use"


class CertificateNotFoundError(RequestError):
    """The tenant has no certificate with this id."""

    code = "certificate-not-found"


class TooManyCertificatesError(RequestError):
    """The tenant has the maximum number of certificates."""

    code = "too-many-certificates"


class CertificateInUseError(RequestError):
    """Schedules or destinations encrypt files for the certificate, so it cannot be deleted."""

    code = "certificate-in-use"


class FileDeliveryNotFoundError(RequestError):
    """The tenant has no such delivery of files."""

    code = "file-delivery-not-found"


class SuppressedAddressNotFoundError(RequestError):
    """The tenant has not suppressed the address."""

    code = "suppressed-address-not-found"


class FileDeliveryInProgressError(RequestError):
    """An attempt at the delivery is in progress, so it cannot be replayed."""

    code = "file-delivery-in-progress"


class ScheduleNotFoundError(RequestError):
    """The tenant has no schedule with this id."""

    code = "schedule-not-found"


class TooManySchedulesError(RequestError):
    """The tenant has the maximum number of schedules."""

    code = "too-many-schedules"


class ReportQueryRefusedError(RequestError):
    """The database rejects the report's query with the filters, columns and time zone of the request."""

    code = "query-invalid"


class OwnerNotAuthorizedError(RequestError):
    """The owner of a schedule may not request reports, or not any longer."""

    code = "owner-not-authorized"
