"""Handling of `Report Requested`: starts a report, as a request to the API does, and puts the answer on the bus."""

from __future__ import annotations

from uuid import UUID

from pydantic import ValidationError

from intake.answer import accept, reject
from intake.models import Envelope, ReportAccepted, ReportRejected, RequestedReport
from intake.resources import IntakeResources
from resma.access.caller import Caller
from resma.access.quotas import consume_request
from resma.request_errors import (
    FieldError,
    IdempotencyKeyInFlightError,
    QuotaExceededError,
    RequestError,
    RequestInvalidError,
    first_part,
    json_pointer,
    point_into,
)
from resma.requests.receivers import find_receiver_errors
from resma.requests.report_request import ReportRequest
from resma.requests.submit import find_partial_errors, request_report
from resma.validation_messages import advise
from resma.webhooks.url_errors import callback_errors

MAX_WAIT_SECONDS = 900
"""Maximum time that an event waits for a quota. If it would take longer, the event is rejected."""


def start_requested_report(
    resources: IntakeResources, envelope: Envelope, *, may_wait: bool
) -> ReportAccepted | ReportRejected:
    """Starts the report, puts the answer on the bus, and returns it. Safe to call twice: it creates one report.

    With `may_wait`, raises QuotaExceededError and IdempotencyKeyInFlightError if a later call can succeed. Also raises
    errors of the database and the bus.
    """
    answer: ReportAccepted | ReportRejected
    try:
        requested = _read(resources, envelope)
        answer = accept(envelope, requested.tenant_id, requested.request_id, _start(resources, envelope, requested))
    except RequestError as error:
        if may_wait and _is_temporary(error):
            raise
        answer = reject(envelope, error)
    detail_type = "Report Accepted" if isinstance(answer, ReportAccepted) else "Report Rejected"
    resources.bus.put(detail_type, answer.model_dump(mode="json", by_alias=True))
    return answer


def _is_temporary(error: RequestError) -> bool:
    """Returns whether a later call can succeed without a change of the request."""
    if isinstance(error, QuotaExceededError):
        return error.seconds <= MAX_WAIT_SECONDS
    return isinstance(error, IdempotencyKeyInFlightError)


def _read(resources: IntakeResources, envelope: Envelope) -> RequestedReport:
    """Reads the detail of the event. Raises RequestInvalidError with all its validation errors."""
    try:
        return RequestedReport.model_validate(envelope.detail)
    except ValidationError as error:
        items = error.errors(include_url=False, include_input=False)
    field_errors = [FieldError(json_pointer(*item["loc"]), advise(item)) for item in items]
    inner = [
        field_error.pointer.removeprefix("/request")
        for field_error in field_errors
        if first_part(field_error.pointer) == "request"
    ]
    request = envelope.detail.get("request") if isinstance(envelope.detail, dict) else None
    if isinstance(request, dict) and "" not in inner:
        request_errors = find_partial_errors(
            request,
            {first_part(pointer) for pointer in inner},
            lambda partial: _deployment_errors(resources, envelope, partial),
        )
        field_errors += [FieldError(f"/request{error.pointer}", error.detail) for error in request_errors]
    raise RequestInvalidError.of(field_errors)


def _deployment_errors(resources: IntakeResources, envelope: Envelope, request: ReportRequest) -> list[FieldError]:
    """Returns the errors of those parts of a request that depend on the deployment and on the tenant."""
    field_errors = list(callback_errors(request.callback_url, resources.receivers))
    tenant_id = envelope.detail.get("tenantId")
    if (request.deliver_to or request.encrypt_for) and isinstance(tenant_id, str):
        caller = Caller(tenant_id, f"event:{envelope.id}", frozenset())
        with resources.system.transaction(tenant_id) as connection:
            field_errors += find_receiver_errors(connection, caller, request)
    return field_errors


def _start(resources: IntakeResources, envelope: Envelope, requested: RequestedReport) -> UUID:
    """Consumes a request of the tenant's quota, as the API does, and starts the report. Returns its id."""
    seconds = consume_request(resources.system, requested.tenant_id)
    if seconds is None:
        raise RequestInvalidError.of(
            [FieldError("/tenantId", "Unknown tenant. It must be a tenant of this deployment.")]
        )
    if seconds > 0:
        raise QuotaExceededError(
            "requests-quota-exceeded", "Too many requests at once. Send fewer per second.", seconds
        )
    # Personal data are always masked, because those who may put events on the bus need not have the right to see them.
    caller = Caller(requested.tenant_id, f"event:{envelope.id}", frozenset({"reports:write"}))
    with point_into("request"):
        report, _ = request_report(
            resources.system,
            resources.queue,
            caller,
            requested.request,
            requested.request_id or envelope.id,
            sealing=resources.sealing,
            more_errors=callback_errors(requested.request.callback_url, resources.receivers),
        )
    return report.report_id
