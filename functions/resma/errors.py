"""Every error that Resma raises on purpose.

ResmaError
|-- RequestError                 the caller can mend it; the API turns it into a problem (RFC 9457)
|   |-- RequestMalformed         not JSON, or no object
|   |-- RequestTooLarge
|   |-- RequestMediaTypeUnsupported
|   |-- RequestInvalid           unknown type, format or filter; a value out of bounds
|   |-- ReportNotFound
|   |-- ReportNotReady           asked for the file before there is one
|   |-- ReportExpired
|   |-- IdempotencyKeyInvalid
|   |-- IdempotencyKeyReused     the same key with another request
|   |-- IdempotencyKeyInFlight   the same key while its first request is still being answered
|   |-- ScopeMissing             known, but not allowed to do this
|   |-- WebhookAddressRefused    not public, or not plainly so
|   |-- WebhookEndpointNotFound
|   |-- WebhookEndpointsTooMany
|   |-- WebhookEndpointDisabled  asked to replay to it
|   |-- WebhookRotationRefused   the secret before the last one would end too early
|   |-- WebhookDeliveryNotFound
|   `-- WebhookDeliveryUnderWay  asked to replay while an attempt is being made
|-- PermanentError               the same attempt would fail again: FAILED at once
|   |-- QueryInvalid             the database refuses the catalogue's query
|   |-- CatalogueInvalid
|   |-- RowCountMismatch         fewer or more rows than the snapshot counted
|   |-- FormatCannotHold         a value that the format has no exact place for
|   `-- SettingsInvalid
|-- TransientError               worth another attempt
|   |-- DatabaseUnavailable
|   |-- DatabaseBusy             a lock or a time limit
|   |-- ObjectStoreUnavailable
|   `-- LeaseHeld                another worker has the job
`-- LeaseLost                    this worker no longer has the job: stop, and touch nothing
"""

from __future__ import annotations

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


class RequestMalformed(RequestError):
    code = "request-malformed"


class RequestTooLarge(RequestError):
    code = "request-too-large"


class RequestMediaTypeUnsupported(RequestError):
    code = "request-media-type-unsupported"


class RequestInvalid(RequestError):
    code = "request-invalid"


class ReportNotFound(RequestError):
    code = "report-not-found"


class ReportNotReady(RequestError):
    code = "report-not-ready"


class ReportExpired(RequestError):
    code = "report-expired"


class IdempotencyKeyInvalid(RequestError):
    code = "idempotency-key-invalid"


class IdempotencyKeyReused(RequestError):
    code = "idempotency-key-reused"


class IdempotencyKeyInFlight(RequestError):
    code = "idempotency-key-in-flight"


class ScopeMissing(RequestError):
    code = "scope-missing"


class WebhookAddressRefused(RequestError):
    code = "webhook-address-refused"


class WebhookEndpointNotFound(RequestError):
    code = "webhook-endpoint-not-found"


class WebhookEndpointsTooMany(RequestError):
    code = "webhook-endpoints-too-many"


class WebhookEndpointDisabled(RequestError):
    code = "webhook-endpoint-disabled"


class WebhookRotationRefused(RequestError):
    code = "webhook-rotation-refused"


class WebhookDeliveryNotFound(RequestError):
    code = "webhook-delivery-not-found"


class WebhookDeliveryUnderWay(RequestError):
    code = "webhook-delivery-under-way"


class PermanentError(ResmaError):
    """Trying again cannot help."""

    code = "permanent"


class QueryInvalid(PermanentError):
    code = "query-invalid"


class CatalogueInvalid(PermanentError):
    code = "catalogue-invalid"


class RowCountMismatch(PermanentError):
    code = "row-count-mismatch"


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


class LeaseHeld(TransientError):
    """`seconds` is how long the other worker's lease still runs."""

    code = "lease-held"

    def __init__(self, detail: str, seconds: float) -> None:
        super().__init__(detail)
        self.seconds = seconds


class LeaseLost(ResmaError):
    code = "lease-lost"
