"""`Report Requested` on the bus: a report is started as if its tenant had asked by HTTP, and the bus is told."""

from __future__ import annotations

from uuid import UUID

from pydantic import ValidationError

from intake.answer import accept, reject
from intake.models import Envelope, ReportAccepted, ReportRejected, RequestedReport
from intake.resources import IntakeResources
from resma.access.caller import Caller
from resma.access.quotas import consume_request
from resma.errors import (
    FieldError,
    IdempotencyKeyInFlightError,
    QuotaExceededError,
    RequestError,
    RequestInvalidError,
    first_part,
    json_pointer,
    point_into,
)
from resma.requests.submit import find_partial_errors, request_report
from resma.validation_messages import advise
from resma.webhooks.url_errors import callback_errors

MAX_WAIT_SECONDS = 900
"""How long a limit may last for an event to wait for its end; where it lasts longer, the requester decides."""


def start_requested_report(
    resources: IntakeResources, envelope: Envelope, *, may_wait: bool
) -> ReportAccepted | ReportRejected:
    """Starts the report and puts the answer on the bus; returns the answer. Safe to call twice: there is one report.

    Raises what another call may be spared, and QuotaExceededError where the event may wait for the limit's end.
    """
    answer: ReportAccepted | ReportRejected
    try:
        wanted = _read(resources, envelope)
        answer = accept(envelope, wanted.tenant_id, wanted.request_id, _start(resources, envelope, wanted))
    except RequestError as error:
        if may_wait and _passes(error):
            raise
        answer = reject(envelope, error)
    detail_type = "Report Accepted" if isinstance(answer, ReportAccepted) else "Report Rejected"
    resources.bus.put(detail_type, answer.model_dump(mode="json", by_alias=True))
    return answer


def _passes(error: RequestError) -> bool:
    """Whether it may be otherwise in a moment, by itself."""
    if isinstance(error, QuotaExceededError):
        return error.seconds <= MAX_WAIT_SECONDS
    return isinstance(error, IdempotencyKeyInFlightError)


def _read(resources: IntakeResources, envelope: Envelope) -> RequestedReport:
    """Raises RequestInvalidError with all that is wrong: what has the wrong form, and what is wrong with the rest."""
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
        found = find_partial_errors(
            request,
            {first_part(pointer) for pointer in inner},
            lambda rest: callback_errors(rest.callback_url, resources.receivers),
        )
        field_errors += [FieldError(f"/request{field_error.pointer}", field_error.detail) for field_error in found]
    raise RequestInvalidError.of(field_errors)


def _start(resources: IntakeResources, envelope: Envelope, wanted: RequestedReport) -> UUID:
    """Takes a request out of the tenant's bucket, as by HTTP, and starts the report. Returns its id."""
    seconds = consume_request(resources.system, wanted.tenant_id)
    if seconds is None:
        raise RequestInvalidError.of(
            [FieldError("/tenantId", "Unknown tenant. It must be a tenant of this deployment.")]
        )
    if seconds > 0:
        raise QuotaExceededError(
            "requests-quota-exceeded", "Too many requests at once. Send fewer per second.", seconds
        )
    # Who may put on the bus is not who may see personal data: whatever the request says, they are masked.
    caller = Caller(wanted.tenant_id, f"event:{envelope.id}", frozenset({"reports:write"}))
    with point_into("request"):
        report, _ = request_report(
            resources.system,
            resources.queue,
            caller,
            wanted.request,
            wanted.request_id or envelope.id,
            more_errors=callback_errors(wanted.request.callback_url, resources.receivers),
        )
    return report.report_id
