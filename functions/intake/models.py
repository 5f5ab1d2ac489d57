"""JSON models of events on the bus: requests for reports, and the answers to them."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from resma.json_models import RequestModel, ViewModel
from resma.requests.report_request import ReportRequest

TenantId = Annotated[str, Field(pattern="^[a-z0-9-]{1,63}$", description="Id of the tenant that the report is for.")]

RequestId = Annotated[
    str,
    Field(
        pattern=r"^[\x21\x23-\x5b\x5d-\x7e]{1,255}$",
        description="Idempotency key of the request, as in the header Idempotency-Key of the API. Null or omitted: the "
        "id of the event.",
    ),
]


class Envelope(BaseModel):
    """An event as EventBridge delivers it. Only `detail` comes from the requester."""

    model_config = ConfigDict(frozen=True)

    id: RequestId
    source: str
    detail_type: Literal["Report Requested"] = Field(alias="detail-type")
    detail: Any


class RequestedReport(RequestModel):
    """Detail of `Report Requested`."""

    tenant_id: TenantId
    request_id: RequestId | None = None
    request: ReportRequest = Field(description="The request, like the body of `POST /api/v1/reports/generate`.")


class _IntakeEvent(ViewModel):
    id: str = Field(description="Id of the answer. It stays the same if the answer is sent again.")
    event_id: str = Field(description="EventBridge's id of the event `Report Requested`.")


class ReportAccepted(_IntakeEvent):
    """Detail of `Report Accepted`."""

    tenant_id: str
    request_id: str | None
    report_id: UUID = Field(description="Id of the report, as in `Report Completed` and GET /api/v1/reports/{id}.")


class RejectedPart(ViewModel):
    """One validation error of an event's detail."""

    pointer: str = Field(description="JSON pointer (RFC 6901) into `detail`.")
    detail: str = Field(description="What is wrong, and how to fix it.")


class ReportRejected(_IntakeEvent):
    """Detail of `Report Rejected`. No report was created, and the `requestId` may be used again."""

    tenant_id: str | None = Field(description="`tenantId` of the event; null if it is not a valid id.")
    request_id: str | None
    code: str = Field(description="Stable code of the error, for programs, like the codes of the API's problems.")
    detail: str = Field(description="What is wrong, for people.")
    errors: list[RejectedPart]
    retry_after_seconds: int | None = Field(
        description="Seconds after which a retry can succeed; null unless a quota was exceeded."
    )
