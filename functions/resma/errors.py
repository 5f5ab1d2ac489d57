"""Every error that Resma raises on purpose.

ResmaError
|-- RequestError                 the caller can mend it; the API turns it into a problem (RFC 9457)
|   |-- RequestMalformed         not JSON, or no object
|   |-- RequestTooLarge
|   |-- RequestMediaTypeUnsupported
|   |-- RequestInvalid           unknown type, format or filter; a value out of bounds
|   |-- CredentialsMissing       nobody is asking
|   |-- CredentialsInvalid       a key or token that is not, or no longer, good
|   |-- ScopeMissing             this caller may not do that
|   |-- QuotaExceeded            too much for now: later
|   |-- ApiKeyNotFound
|   |-- ApiKeyEnded              it is revoked, has expired or was rotated before
|   |-- ReportNotFound
|   |-- FileNotFound             the report has no file of that format
|   |-- ReportNotCounted         asked for the summary before there is one
|   |-- ReportHasNoSummary       it ended before its data were counted, or its files' time is over
|   |-- ReportNotReady           asked for the file before there is one
|   |-- ReportHasNoFile          it has failed or was cancelled
|   |-- ReportExpired
|   |-- ReportNotRetried         asked for again, but it is under way or has its file
|   |-- ReportEnded              to be cancelled, but there is nothing left to cancel
|   |-- NoDeadLetter             to be redriven, but it has not been given up
|   |-- IdempotencyKeyInvalid
|   |-- IdempotencyKeyReused     the same key with another request
|   |-- IdempotencyKeyInFlight   the same key while its first request is still being answered
|   |-- WebhookAddressRefused    not public, or not plainly so
|   |-- WebhookEndpointNotFound
|   |-- WebhookEndpointsTooMany
|   |-- WebhookEndpointDisabled  asked to replay to it
|   |-- WebhookEndpointFixed     that of callbacks has nothing to change
|   |-- WebhookRotationRefused   the secret before the last one would end too early
|   |-- WebhookDeliveryNotFound
|   |-- WebhookDeliveryUnderWay  asked to replay while an attempt is being made
|   |-- ScheduleNotFound
|   |-- SchedulesTooMany
|   `-- OwnerMayNot              a schedule's owner has not, or no longer, the right to ask for reports
|-- PermanentError               the same attempt would fail again: FAILED at once
|   |-- QueryInvalid             the database refuses the catalogue's query
|   |-- CatalogueInvalid
|   |-- RowCountMismatch         fewer or more rows than the snapshot counted
|   |-- RowsQuotaExceeded        more rows than the tenant may still have today
|   |-- FormatCannotHold         a value that the format has no exact place for
|   `-- SettingsInvalid
|-- TransientError               worth another attempt
|   |-- DatabaseUnavailable
|   |-- DatabaseBusy             a lock or a time limit
|   |-- ObjectStoreUnavailable
|   |-- IdentityProviderUnavailable
|   |-- BusRefused               EventBridge has answered, and not taken an event
|   |-- StartOver                what was saved of earlier attempts is of no use: the next one begins anew
|   |   |-- CheckpointUnusable   gone, damaged, of other code, or not to be gone on from
|   |   `-- SourceChanged        the data are no longer those of the first snapshot
|   `-- LeaseHeld                another worker has the job
|-- TickIncomplete               some of the tick's tasks have failed
`-- LeaseLost                    this worker no longer has the job: stop, and touch nothing
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


class ResmaError(Exception):
    """Base of all. `code` is stable and meant for programs, the message for people."""

    code = "internal"


def json_pointer(*parts: object) -> str:
    """A JSON pointer (RFC 6901) to a member of a member...; without parts, to the whole."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a request: where (a JSON pointer, RFC 6901), and what to do about it."""

    pointer: str
    detail: str


class RequestError(ResmaError):
    """The caller can mend this."""

    def __init__(self, detail: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = faults


@contextmanager
def point_into(member: str) -> Iterator[None]:
    """Has errors about what is inside of a member of a document point into it."""
    try:
        yield
    except RequestError as error:
        error.faults = tuple(Fault(json_pointer(member) + fault.pointer, fault.detail) for fault in error.faults)
        raise


class RequestMalformed(RequestError):
    code = "request-malformed"


class RequestTooLarge(RequestError):
    code = "request-too-large"


class RequestMediaTypeUnsupported(RequestError):
    code = "request-media-type-unsupported"


class RequestInvalid(RequestError):
    code = "request-invalid"


class CredentialsMissing(RequestError):
    code = "credentials-missing"


class CredentialsInvalid(RequestError):
    code = "credentials-invalid"


class ScopeMissing(RequestError):
    """`scope` is what the caller would need."""

    code = "scope-missing"

    def __init__(self, detail: str, scope: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(detail, faults)
        self.scope = scope


class QuotaExceeded(RequestError):
    """`code` says which quota, `seconds` when to come again."""

    def __init__(self, code: str, detail: str, seconds: float) -> None:
        super().__init__(detail)
        self.code = code
        self.seconds = seconds


class ApiKeyNotFound(RequestError):
    code = "api-key-not-found"


class ApiKeyEnded(RequestError):
    code = "api-key-ended"


class ReportNotFound(RequestError):
    code = "report-not-found"


class FileNotFound(RequestError):
    code = "file-not-found"


class ReportNotCounted(RequestError):
    code = "report-not-counted"


class ReportHasNoSummary(RequestError):
    code = "report-has-no-summary"


class ReportNotReady(RequestError):
    code = "report-not-ready"


class ReportHasNoFile(RequestError):
    code = "report-has-no-file"


class ReportExpired(RequestError):
    code = "report-expired"


class ReportNotRetried(RequestError):
    code = "report-not-retried"


class ReportEnded(RequestError):
    code = "report-ended"


class NoDeadLetter(RequestError):
    code = "no-dead-letter"


class IdempotencyKeyInvalid(RequestError):
    code = "idempotency-key-invalid"


class IdempotencyKeyReused(RequestError):
    code = "idempotency-key-reused"


class IdempotencyKeyInFlight(RequestError):
    code = "idempotency-key-in-flight"


class WebhookAddressRefused(RequestError):
    code = "webhook-address-refused"


class WebhookEndpointNotFound(RequestError):
    code = "webhook-endpoint-not-found"


class WebhookEndpointsTooMany(RequestError):
    code = "webhook-endpoints-too-many"


class WebhookEndpointDisabled(RequestError):
    code = "webhook-endpoint-disabled"


class WebhookEndpointFixed(RequestError):
    code = "webhook-endpoint-fixed"


class WebhookRotationRefused(RequestError):
    code = "webhook-rotation-refused"


class WebhookDeliveryNotFound(RequestError):
    code = "webhook-delivery-not-found"


class WebhookDeliveryUnderWay(RequestError):
    code = "webhook-delivery-under-way"


class ScheduleNotFound(RequestError):
    code = "schedule-not-found"


class SchedulesTooMany(RequestError):
    code = "schedules-too-many"


class OwnerMayNot(RequestError):
    code = "owner-may-not"


class PermanentError(ResmaError):
    """Trying again cannot help."""

    code = "permanent"


class QueryInvalid(PermanentError):
    code = "query-invalid"


class CatalogueInvalid(PermanentError):
    code = "catalogue-invalid"


class RowCountMismatch(PermanentError):
    code = "row-count-mismatch"


class RowsQuotaExceeded(PermanentError):
    code = "rows-quota-exceeded"


class FormatCannotHold(PermanentError):
    code = "format-cannot-hold"


class SettingsInvalid(PermanentError):
    code = "settings-invalid"


class TransientError(ResmaError):
    """Another attempt may well succeed."""

    code = "transient"


class DatabaseUnavailable(TransientError):
    code = "database-unavailable"


class DatabaseBusy(TransientError):
    code = "database-busy"


class ObjectStoreUnavailable(TransientError):
    code = "object-store-unavailable"


class IdentityProviderUnavailable(TransientError):
    code = "identity-provider-unavailable"


class BusRefused(TransientError):
    code = "bus-refused"


class StartOver(TransientError):
    """To be followed by an attempt from the first row."""

    code = "start-over"


class CheckpointUnusable(StartOver):
    code = "checkpoint-unusable"


class SourceChanged(StartOver):
    code = "source-changed"


class LeaseHeld(TransientError):
    """`seconds` is how long the other worker's lease still runs."""

    code = "lease-held"

    def __init__(self, detail: str, seconds: float) -> None:
        super().__init__(detail)
        self.seconds = seconds


class TickIncomplete(ResmaError):
    code = "tick-incomplete"


class LeaseLost(ResmaError):
    code = "lease-lost"
