"""`Report Requested` on the bus: a report is started as if its tenant had asked by HTTP, and the bus is told."""

from __future__ import annotations

from uuid import UUID

from pydantic import ValidationError

from intake.answer import accept, reject
from intake.models import Envelope, ReportAccepted, ReportRejected, RequestedReport
from intake.resources import Resources
from resma.advice import advise
from resma.caller import Caller
from resma.check_webhook_address import check_callback
from resma.errors import (
    Fault,
    IdempotencyKeyInFlight,
    QuotaExceeded,
    RequestError,
    RequestInvalid,
    json_pointer,
    point_into,
)
from resma.quotas import take_request
from resma.request_report import request_report

WAIT_SECONDS_MAX = 900
"""How long a limit may last for an event to wait for its end; where it lasts longer, the requester decides."""


def start_requested_report(
    resources: Resources, envelope: Envelope, *, may_wait: bool
) -> ReportAccepted | ReportRejected:
    """Starts the report and puts the answer on the bus; returns the answer. Safe to call twice: there is one report.

    Raises what another call may be spared, and QuotaExceeded where the event may wait for the limit's end.
    """
    answer: ReportAccepted | ReportRejected
    try:
        wanted = _read(envelope)
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
    if isinstance(error, QuotaExceeded):
        return error.seconds <= WAIT_SECONDS_MAX
    return isinstance(error, IdempotencyKeyInFlight)


def _read(envelope: Envelope) -> RequestedReport:
    try:
        return RequestedReport.model_validate(envelope.detail)
    except ValidationError as error:
        items = error.errors(include_url=False, include_input=False)
    faults = tuple(Fault(json_pointer(*item["loc"]), advise(item)) for item in items)
    parts = "one part" if len(faults) == 1 else f"{len(faults)} parts"
    raise RequestInvalid(f"{parts} of the event's detail can't be used: see `errors`, and docs/events.md", faults)


def _start(resources: Resources, envelope: Envelope, wanted: RequestedReport) -> UUID:
    """Takes a request out of the tenant's bucket, as by HTTP, and starts the report. Returns its id."""
    seconds = take_request(resources.system, wanted.tenant_id)
    if seconds is None:
        raise RequestInvalid("there is no such tenant", (Fault("/tenantId", "name a tenant of this deployment"),))
    if seconds > 0:
        raise QuotaExceeded("requests-quota-exceeded", "too many requests at once: send fewer a second", seconds)
    # Who may put on the bus is not who may see personal data: whatever the request says, they are masked.
    caller = Caller(wanted.tenant_id, f"event:{envelope.id}", frozenset({"reports:write"}))
    with point_into("request"):
        check_callback(wanted.request.callback_url, opens_loopback=resources.opens_loopback)
        report, _ = request_report(
            resources.system, resources.queue, caller, wanted.request, wanted.request_id or envelope.id
        )
    return report.report_id
