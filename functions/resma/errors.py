"""Errors that Resma raises deliberately.

ResmaError
|-- RequestError                      the caller can fix it; the API returns it as a problem (RFC 9457)
|   |-- RequestMalformedError             the body is not JSON, or not a JSON object
|   |-- RequestTooLargeError
|   |-- UnsupportedMediaTypeError
|   |-- RequestInvalidError               unknown report type, format or filter, or a value out of range
|   |   `-- ReportTypeInvalidError            the report type has errors in the catalog
|   |-- CredentialsMissingError
|   |-- CredentialsInvalidError           the key or token is unknown, expired or revoked
|   |-- ScopeMissingError                 the caller lacks a scope
|   |-- QuotaExceededError                a limit of the tenant is reached; the caller can retry later
|   |-- ApiKeyNotFoundError
|   |-- ApiKeyInactiveError               the key is revoked, expired or already rotated
|   |-- ReportNotFoundError
|   |   `-- ReportDeletedError
|   |-- ReportInProgressError             the report cannot be deleted before it has ended
|   |-- ReportFileNotFoundError           the report has no file of the requested format
|   |-- SummaryNotReadyError
|   |-- ReportHasNoSummaryError           the report ended before its data were counted, or it has expired
|   |-- ReportNotReadyError
|   |-- ReportHasNoFileError              the report has failed or was cancelled
|   |-- ReportExpiredError
|   |-- ReportNotRetryableError           the report is in progress or READY
|   |-- ReportFinishedError               the report cannot be cancelled because it has ended
|   |-- DeadLetterNotFoundError           the report cannot be redriven because it is not a dead letter
|   |-- IdempotencyKeyReusedError         the key was used with a different request
|   |-- IdempotencyKeyInFlightError       the first request with the key has not been answered yet
|   |-- WebhookUrlNotAllowedError         the URL is not valid, or does not lead to an allowed receiver
|   |-- WebhookEndpointNotFoundError
|   |-- TooManyWebhookEndpointsError
|   |-- WebhookEndpointDisabledError      deliveries to a disabled endpoint cannot be replayed
|   |-- WebhookEndpointReadOnlyError      the endpoint of callbacks cannot be changed
|   |-- WebhookRotationRefusedError       a second rotation would end the previous secret too early
|   |-- WebhookDeliveryNotFoundError
|   |-- WebhookDeliveryInProgressError    a delivery cannot be replayed while an attempt is in progress
|   |-- WebhookEventMissingError          a test event needs an earlier event of the tenant
|   |-- ScheduleNotFoundError
|   |-- TooManySchedulesError
|   |-- ReportQueryRefusedError           the database rejects the report's query with the values of this request
|   `-- OwnerNotAuthorizedError           the owner of a schedule may not request reports, or not any longer
|-- PermanentError                    another attempt would fail in the same way: the report is FAILED at once
|   |-- QueryInvalidError                 the database rejects the query of the catalog
|   |-- UnknownTimeZoneError              the database does not know the report's time zone
|   |-- CatalogInvalidError
|   |-- RowCountMismatchError             the number of rows differs from what the snapshot counted
|   |-- RowsQuotaExceededError            the report has more rows than the tenant may read today
|   |-- RowTooWideError                   a row does not fit into a worker's memory
|   |-- FormatLimitError                  a format cannot represent a value: the file of that format fails
|   |-- AllFormatsFailedError             every requested format failed with a FormatLimitError
|   |-- ContinuationsExhaustedError       the report was continued in a new invocation too often
|   |-- ContinuationStalledError          several invocations in a row had no time left to write rows
|   `-- SettingsInvalidError
|-- TransientError                    another attempt may succeed
|   |-- DependencyUnavailableError        a service that reports need is down: reports wait, and use up no attempt
|   |   |-- DatabaseUnavailableError
|   |   |-- ObjectStoreUnavailableError
|   |   `-- SecretUnavailableError
|   |-- DatabaseBusyError                 a lock or a time limit of the database
|   |-- ObjectStoreRefusedError           the store answers, and rejects a request
|   |-- ProbeTakenError                   another report is checking whether a dependency is available again
|   |-- IdentityProviderUnavailableError
|   |-- BusRefusedError                   EventBridge answered, and rejected an event
|   |-- RestartRequiredError              the checkpoint cannot be used: the next attempt starts from the first row
|   |   |-- CheckpointUnusableError           it is missing, damaged, or was saved by other code
|   |   `-- SourceChangedError                the data differ from those of the first snapshot
|   `-- LeaseHeldError                    another worker holds the lease of the job
|-- EventTooLargeError                the event exceeds the limits of SNS and EventBridge
|-- SchedulerRunIncompleteError       some tasks of a scheduler run have failed
`-- LeaseLostError                    the worker no longer holds the lease: it must stop, and write nothing
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from resma.short_text import counted

_MAX_POINTER_SHOWN = 200
"""Maximum number of characters of a JSON pointer in a problem's `detail`; its `errors` have the whole pointer."""


class ResmaError(Exception):
    """Base class of all errors. `code` is stable and meant for programs, the message for people."""

    code = "internal"


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
    """The files of the report have been deleted because their retention period is over."""

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


class PermanentError(ResmaError):
    """Another attempt would fail in the same way."""

    code = "permanent"


class QueryInvalidError(PermanentError):
    """The database rejects the query of the catalog."""

    code = "query-invalid"


class UnknownTimeZoneError(PermanentError):
    """The source database does not know the report's time zone."""

    code = "unknown-time-zone"


class CatalogInvalidError(PermanentError):
    """The catalog cannot be read: its folder does not exist, or resma.toml has errors."""

    code = "catalog-invalid"


class RowCountMismatchError(PermanentError):
    """The number of rows differs from what the snapshot counted.

    `subject` is the start of the clause that `found` completes, such as `the writer received`.
    """

    code = "row-count-mismatch"

    def __init__(self, found: int, expected: int, subject: str = "the writer received") -> None:
        super().__init__(
            f"The snapshot counted {counted(expected, 'row')}, but {subject} {found:,}. Make sure that the report's "
            "query returns the same rows each time it runs in one transaction."
        )


class RowsQuotaExceededError(PermanentError):
    """The report has more rows than the tenant may still read today."""

    code = "rows-quota-exceeded"


class RowTooWideError(PermanentError):
    """A row does not fit into a worker's memory, whatever the format.

    `column` is the catalog's name of the longest cell's column. `row` is the row's number in the report, from 1.
    """

    code = "row-too-wide"

    def __init__(self, detail: str, *, column: str, row: int) -> None:
        super().__init__(detail)
        self.column = column
        self.row = row


class FormatLimitError(PermanentError):
    """A format cannot represent a value. The file of that format fails, and no other.

    `column` is the catalog's name of the column, `row` the row's number without headings, from 1. Each is None if the
    error is not about a single column or row.
    """

    code = "format-limit-exceeded"

    def __init__(self, detail: str, *, column: str | None = None, row: int | None = None) -> None:
        super().__init__(detail)
        self.column = column
        self.row = row


class EventTooLargeError(ResmaError):
    """The event exceeds the limits of SNS and EventBridge."""

    code = "event-too-large"


class AllFormatsFailedError(PermanentError):
    """None of the requested formats can represent all values. `failed_files` has the reason for each format."""

    code = "format-limit-exceeded"

    def __init__(self, failed_files: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(" ".join(f"{failed['format']}: {failed['detail']}" for failed in failed_files))
        self.failed_files = failed_files


class ContinuationsExhaustedError(PermanentError):
    """The report was continued in a new invocation as often as is allowed, and is not finished."""

    code = "continuations-exhausted"


class ContinuationStalledError(PermanentError):
    """Several invocations in a row needed all their time for counting, and had none left to write rows."""

    code = "continuation-stalled"


class SettingsInvalidError(PermanentError):
    """An environment variable or a secret of the function is missing or not valid."""

    code = "settings-invalid"


class TransientError(ResmaError):
    """Another attempt may succeed."""

    code = "transient"


Dependency = Literal["object-store", "secrets", "source-database", "system-database"]
"""Services that a worker needs to generate a report. Queue, topic and bus are not among them: they have outboxes."""


class DependencyUnavailableError(TransientError):
    """A service that reports need is unavailable. Reports wait for it, which uses up no attempt."""

    code = "dependency-unavailable"

    def __init__(self, detail: str, dependency: Dependency) -> None:
        super().__init__(detail)
        self.dependency = dependency


class DatabaseUnavailableError(DependencyUnavailableError):
    """A database refuses or ends connections, or its secret cannot be read; `dependency` says which."""

    code = "database-unavailable"

    def __init__(self, detail: str, dependency: Dependency = "system-database") -> None:
        super().__init__(detail, dependency)


class DatabaseBusyError(TransientError):
    """The database ended a statement or transaction because of a lock or a time limit."""

    code = "database-busy"


class ObjectStoreUnavailableError(DependencyUnavailableError):
    """The object store does not answer, or denies access."""

    code = "object-store-unavailable"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, "object-store")


class ObjectStoreRefusedError(TransientError):
    """The object store answers, and rejects a request."""

    code = "object-store-refused"


class SecretUnavailableError(DependencyUnavailableError):
    """Secrets Manager does not answer, or does not return a usable secret."""

    code = "secret-unavailable"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, "secrets")


class ProbeTakenError(TransientError):
    """Another report is checking whether a dependency is available again."""

    code = "probe-taken"


class IdentityProviderUnavailableError(TransientError):
    """The identity provider does not answer, so tokens cannot be verified."""

    code = "identity-provider-unavailable"


class BusRefusedError(TransientError):
    """EventBridge answered, and rejected an event. `reason` is the error code that EventBridge returned."""

    code = "bus-refused"

    def __init__(self, detail: str, *, reason: str) -> None:
        super().__init__(detail)
        self.reason = reason


class RestartRequiredError(TransientError):
    """The next attempt has to start from the first row."""

    code = "restart-required"


class CheckpointUnusableError(RestartRequiredError):
    """The checkpoint is missing, damaged, or was saved by other code."""

    code = "checkpoint-unusable"


class SourceChangedError(RestartRequiredError):
    """The data differ from those of the snapshot that the report started with."""

    code = "source-changed"


class LeaseHeldError(TransientError):
    """Another worker holds the lease of the job, which expires in `seconds`."""

    code = "lease-held"

    def __init__(self, detail: str, seconds: float) -> None:
        super().__init__(detail)
        self.seconds = seconds


class SchedulerRunIncompleteError(ResmaError):
    """Some tasks of a scheduler run have failed; the next run repeats them."""

    code = "scheduler-run-incomplete"


class LeaseLostError(ResmaError):
    """The worker no longer holds the lease of its job: it must stop, and write nothing."""

    code = "lease-lost"
