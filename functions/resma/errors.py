"""Every error that Resma raises on purpose.

ResmaError
|-- RequestError                 the caller can mend it; the API turns it into a problem (RFC 9457)
|   |-- RequestMalformedError         not JSON, or no object
|   |-- RequestTooLargeError
|   |-- UnsupportedMediaTypeError
|   |-- RequestInvalidError           unknown type, format or filter; a value out of bounds
|   |-- CredentialsMissingError       nobody is asking
|   |-- CredentialsInvalidError       a key or token that is not, or no longer, good
|   |-- ScopeMissingError             this caller may not do that
|   |-- QuotaExceededError            too much for now: later
|   |-- ApiKeyNotFoundError
|   |-- ApiKeyInactiveError              it is revoked, has expired or was rotated before
|   |-- ReportNotFoundError
|   |   `-- ReportDeletedError   a caller has deleted it
|   |-- ReportInProgressError    to be deleted, but it has not ended
|   |-- ReportFileNotFoundError             the report has no file of that format
|   |-- SummaryNotReadyError         asked for the summary before there is one
|   |-- ReportHasNoSummaryError       it ended before its data were counted, or its files' time is over
|   |-- ReportNotReadyError           asked for the file before there is one
|   |-- ReportHasNoFileError          it has failed or was cancelled
|   |-- ReportExpiredError
|   |-- ReportNotRetryableError         asked for again, but it is under way or has its file
|   |-- ReportFinishedError              to be cancelled, but there is nothing left to cancel
|   |-- DeadLetterNotFoundError             to be redriven, but it has not been given up
|   |-- IdempotencyKeyReusedError     the same key with another request
|   |-- IdempotencyKeyInFlightError   the same key while its first request is still being answered
|   |-- WebhookUrlNotAllowedError    not public, or not plainly so
|   |-- WebhookEndpointNotFoundError
|   |-- TooManyWebhookEndpointsError
|   |-- WebhookEndpointDisabledError  asked to replay to it
|   |-- WebhookEndpointReadOnlyError     that of callbacks has nothing to change
|   |-- WebhookRotationRefusedError   the secret before the last one would end too early
|   |-- WebhookDeliveryNotFoundError
|   |-- WebhookDeliveryInProgressError  asked to replay while an attempt is being made
|   |-- ScheduleNotFoundError
|   |-- TooManySchedulesError
|   |-- ReportQueryRefusedError  the database refuses the report's query with what the request asks for
|   `-- OwnerNotAuthorizedError              a schedule's owner has not, or no longer, the right to ask for reports
|-- PermanentError               the same attempt would fail again: FAILED at once
|   |-- QueryInvalidError             the database refuses the catalog's query
|   |-- UnknownTimeZoneError     the database does not know the report's time zone
|   |-- CatalogInvalidError
|   |-- RowCountMismatchError         fewer or more rows than the snapshot counted
|   |-- RowsQuotaExceededError        more rows than the tenant may still have today
|   |-- RowTooWideError               a row that does not fit a worker's memory
|   |-- FormatLimitError         a value that the format has no exact place for: fails the file of that format
|   |-- AllFormatsFailedError          the same of every format that was requested
|   |-- ContinuationsExhaustedError  handed over from one invocation to the next too often
|   |-- ContinuationStalledError     several invocations in a row had no time to write rows
|   `-- SettingsInvalidError
|-- TransientError               worth another attempt
|   |-- DependencyUnavailableError  a service that reports need: it is waited for, and uses up no attempt
|   |   |-- DatabaseUnavailableError
|   |   |-- ObjectStoreUnavailableError
|   |   `-- SecretUnavailableError
|   |-- DatabaseBusyError             a lock or a time limit
|   |-- ObjectStoreRefusedError  the store answers, and refuses what it was asked
|   |-- ProbeTakenError          another report finds out whether a dependency is available again
|   |-- IdentityProviderUnavailableError
|   |-- BusRefusedError               EventBridge has answered, and not taken an event
|   |-- RestartRequiredError                what was saved of earlier attempts is of no use: the next one begins anew
|   |   |-- CheckpointUnusableError   gone, damaged, of other code, or not to be gone on from
|   |   `-- SourceChangedError        the data are no longer those of the first snapshot
|   `-- LeaseHeldError                another worker has the job
|-- EventTooLargeError               topic and bus would refuse it
|-- SchedulerRunIncompleteError               some of the tick's tasks have failed
`-- LeaseLostError                    this worker no longer has the job: stop, and touch nothing
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from resma.short_text import counted

_MAX_POINTER_SHOWN = 200
"""Characters of a pointer that a problem's detail shows; `errors` has all of it."""


class ResmaError(Exception):
    """Base of all. `code` is stable and meant for programs, the message for people."""

    code = "internal"


def json_pointer(*parts: object) -> str:
    """A JSON pointer (RFC 6901) to a member of a member...; without parts, to the whole."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def first_part(pointer: str) -> str:
    """The name of the top-level property that a JSON pointer is about."""
    return pointer[1:].split("/", maxsplit=1)[0].replace("~1", "/").replace("~0", "~")


@dataclass(frozen=True)
class FieldError:
    """One thing wrong with a request: where (a JSON pointer, RFC 6901), and what to do about it."""

    pointer: str
    detail: str


class RequestError(ResmaError):
    """The caller can fix this."""

    def __init__(self, detail: str, field_errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field_errors = field_errors


@contextmanager
def collect_errors(field_errors: list[FieldError]) -> Iterator[None]:
    """Adds what a check finds wrong to `faults` instead of raising it, so that all checks can be made."""
    try:
        yield
    except RequestInvalidError as error:
        field_errors += error.field_errors or (FieldError("", error.detail),)


@contextmanager
def point_into(member: str) -> Iterator[None]:
    """Has errors about what is inside of a member of a document point into it."""
    try:
        yield
    except RequestError as error:
        error.field_errors = tuple(
            FieldError(json_pointer(member) + field_error.pointer, field_error.detail)
            for field_error in error.field_errors
        )
        raise


class RequestMalformedError(RequestError):
    code = "request-malformed"


class RequestTooLargeError(RequestError):
    code = "request-too-large"


class UnsupportedMediaTypeError(RequestError):
    code = "unsupported-media-type"


class RequestInvalidError(RequestError):
    code = "request-invalid"

    @classmethod
    def of(cls, field_errors: Sequence[FieldError]) -> RequestInvalidError:
        """The error of these faults, each named once, in the order of the first of each place."""
        found = tuple(dict.fromkeys(field_errors))
        if len(found) == 1:
            pointer, detail = found[0].pointer, found[0].detail
            where = pointer if len(pointer) <= _MAX_POINTER_SHOWN else f"{pointer[:_MAX_POINTER_SHOWN]}…"
            said = f"{where}: {detail}" if where else detail
            return cls(f"One part of the request is not valid: {said}", found)
        return cls(f"{len(found)} parts of the request are not valid: see `errors`.", found)


class CredentialsMissingError(RequestError):
    code = "credentials-missing"


class CredentialsInvalidError(RequestError):
    code = "credentials-invalid"


class ScopeMissingError(RequestError):
    """`scope` is what the caller would need."""

    code = "scope-missing"

    def __init__(self, detail: str, scope: str, field_errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(detail, field_errors)
        self.scope = scope


class QuotaExceededError(RequestError):
    """`code` says which quota, `seconds` when to come again."""

    def __init__(self, code: str, detail: str, seconds: float) -> None:
        super().__init__(detail)
        self.code = code
        self.seconds = seconds


class ApiKeyNotFoundError(RequestError):
    code = "api-key-not-found"


class ApiKeyInactiveError(RequestError):
    code = "api-key-inactive"


class ReportNotFoundError(RequestError):
    code = "report-not-found"


class ReportDeletedError(ReportNotFoundError):
    """A caller has deleted the report."""

    code = "report-deleted"


class ReportInProgressError(RequestError):
    """The report is PENDING or GENERATING, so it can't be deleted yet."""

    code = "report-in-progress"


class ReportFileNotFoundError(RequestError):
    code = "file-not-found"


class SummaryNotReadyError(RequestError):
    code = "summary-not-ready"


class ReportHasNoSummaryError(RequestError):
    code = "report-has-no-summary"


class ReportNotReadyError(RequestError):
    code = "report-not-ready"


class ReportHasNoFileError(RequestError):
    code = "report-has-no-file"


class ReportExpiredError(RequestError):
    code = "report-expired"


class ReportNotRetryableError(RequestError):
    code = "report-not-retryable"


class ReportFinishedError(RequestError):
    code = "report-finished"


class DeadLetterNotFoundError(RequestError):
    code = "dead-letter-not-found"


class IdempotencyKeyReusedError(RequestError):
    code = "idempotency-key-reused"


class IdempotencyKeyInFlightError(RequestError):
    code = "idempotency-key-in-flight"


class WebhookUrlNotAllowedError(RequestError):
    code = "webhook-url-not-allowed"


class WebhookEndpointNotFoundError(RequestError):
    code = "webhook-endpoint-not-found"


class TooManyWebhookEndpointsError(RequestError):
    code = "too-many-webhook-endpoints"


class WebhookEndpointDisabledError(RequestError):
    code = "webhook-endpoint-disabled"


class WebhookEndpointReadOnlyError(RequestError):
    code = "webhook-endpoint-read-only"


class WebhookRotationRefusedError(RequestError):
    code = "webhook-rotation-refused"


class WebhookDeliveryNotFoundError(RequestError):
    code = "webhook-delivery-not-found"


class WebhookDeliveryInProgressError(RequestError):
    code = "webhook-delivery-in-progress"


class WebhookEventMissingError(RequestError):
    """A test event was requested, but the tenant has no event yet."""

    code = "webhook-event-missing"


class ScheduleNotFoundError(RequestError):
    code = "schedule-not-found"


class TooManySchedulesError(RequestError):
    code = "too-many-schedules"


class ReportQueryRefusedError(RequestError):
    """The database refuses the report's query with the filters, columns and time zone of the request."""

    code = "query-invalid"


class OwnerNotAuthorizedError(RequestError):
    code = "owner-not-authorized"


class PermanentError(ResmaError):
    """Trying again cannot help."""

    code = "permanent"


class QueryInvalidError(PermanentError):
    code = "query-invalid"


class UnknownTimeZoneError(PermanentError):
    """The database that reports read does not know the report's time zone."""

    code = "unknown-time-zone"


class CatalogInvalidError(PermanentError):
    code = "catalog-invalid"


class RowCountMismatchError(PermanentError):
    """The rows that were found are not as many as the snapshot has counted. `what` says where they are missing."""

    code = "row-count-mismatch"

    def __init__(self, found: int, expected: int, what: str = "came") -> None:
        super().__init__(f"{counted(found, 'row')} {what}, the snapshot counted {expected:,}")


class RowsQuotaExceededError(PermanentError):
    code = "rows-quota-exceeded"


class RowTooWideError(PermanentError):
    """A row that is longer than a worker can hold in memory, whatever the format.

    `column` is the catalog's name of its longest cell, `row` counts from 1 over the whole report.
    """

    code = "row-too-wide"

    def __init__(self, detail: str, *, column: str, row: int) -> None:
        super().__init__(detail)
        self.column = column
        self.row = row


class FormatLimitError(PermanentError):
    """A value that the format has no place for. It fails the file of that format, and no other.

    `column` is the catalog's name of the column, `row` counts from 1 without headings; None where neither is to blame.
    """

    code = "format-limit-exceeded"

    def __init__(self, detail: str, *, column: str | None = None, row: int | None = None) -> None:
        super().__init__(detail)
        self.column = column
        self.row = row


class EventTooLargeError(ResmaError):
    """An event that neither topic nor bus would take."""

    code = "event-too-large"


class AllFormatsFailedError(PermanentError):
    """None of the requested formats has a place for all values. `failed_files` has the reason of each format."""

    code = "format-limit-exceeded"

    def __init__(self, failed_files: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(" ".join(f"{failed['format']}: {failed['detail']}" for failed in failed_files))
        self.failed_files = failed_files


class ContinuationsExhaustedError(PermanentError):
    """The report was handed over from one invocation to the next as often as is allowed, and is not finished."""

    code = "continuations-exhausted"


class ContinuationStalledError(PermanentError):
    """Several invocations in a row spent their time on counting, and had none left to write rows."""

    code = "continuation-stalled"


class SettingsInvalidError(PermanentError):
    code = "settings-invalid"


class TransientError(ResmaError):
    """Another attempt may well succeed."""

    code = "transient"


Dependency = Literal["object-store", "secrets", "source-database", "system-database"]
"""What a worker needs to make a report. Queue, topic and bus are not among them: their outboxes wait for them."""


class DependencyUnavailableError(TransientError):
    """A service that reports need is unavailable. It is waited for, and uses up no attempt of a report."""

    code = "dependency-unavailable"

    def __init__(self, detail: str, dependency: Dependency) -> None:
        super().__init__(detail)
        self.dependency = dependency


class DatabaseUnavailableError(DependencyUnavailableError):
    """A database cannot be connected to, or ends connections; or its secret cannot be read (`dependency` says so)."""

    code = "database-unavailable"

    def __init__(self, detail: str, dependency: Dependency = "system-database") -> None:
        super().__init__(detail, dependency)


class DatabaseBusyError(TransientError):
    code = "database-busy"


class ObjectStoreUnavailableError(DependencyUnavailableError):
    """The object store does not answer, or lets nobody in."""

    code = "object-store-unavailable"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, "object-store")


class ObjectStoreRefusedError(TransientError):
    """The object store answers, and refuses what it was asked."""

    code = "object-store-refused"


class SecretUnavailableError(DependencyUnavailableError):
    """Secrets Manager does not answer, or gives no secret."""

    code = "secret-unavailable"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, "secrets")


class ProbeTakenError(TransientError):
    """Another report finds out whether a dependency is available again."""

    code = "probe-taken"


class IdentityProviderUnavailableError(TransientError):
    code = "identity-provider-unavailable"


class BusRefusedError(TransientError):
    """EventBridge has answered, and has not taken an event. `reason` is the code that it gave."""

    code = "bus-refused"

    def __init__(self, detail: str, *, reason: str) -> None:
        super().__init__(detail)
        self.reason = reason


class RestartRequiredError(TransientError):
    """To be followed by an attempt from the first row."""

    code = "restart-required"


class CheckpointUnusableError(RestartRequiredError):
    code = "checkpoint-unusable"


class SourceChangedError(RestartRequiredError):
    code = "source-changed"


class LeaseHeldError(TransientError):
    """`seconds` is how long the other worker's lease still runs."""

    code = "lease-held"

    def __init__(self, detail: str, seconds: float) -> None:
        super().__init__(detail)
        self.seconds = seconds


class SchedulerRunIncompleteError(ResmaError):
    code = "scheduler-run-incomplete"


class LeaseLostError(ResmaError):
    code = "lease-lost"
