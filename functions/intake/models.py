"""Events as JSON: what is asked for on the bus, and what is answered there."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from resma.json_models import RequestModel, ViewModel
from resma.requests.report_request import ReportRequest

TenantId = Annotated[str, Field(pattern="^[a-z0-9-]{1,63}$", description="Whose report it is.")]

RequestId = Annotated[
    str,
    Field(
        pattern=r"^[\x21\x23-\x5b\x5d-\x7e]{1,255}$",
        description="What makes two events one request: the tenant's Idempotency-Key, as by HTTP. Left out or null, "
        "the event's own id.",
    ),
]


class Envelope(BaseModel):
    """An event as EventBridge hands it on. Only `detail` is the requester's own."""

    model_config = ConfigDict(frozen=True)

    id: RequestId
    source: str
    detail_type: Literal["Report Requested"] = Field(alias="detail-type")
    detail: Any


class RequestedReport(RequestModel):
    """Detail of `Report Requested`."""

    tenant_id: TenantId
    request_id: RequestId | None = None
    request: ReportRequest = Field(description="As the body of `POST /api/v1/reports/generate`.")


class _IntakeEvent(ViewModel):
    id: str = Field(description="The same, however often this answer is sent.")
    event_id: str = Field(description="EventBridge's id of the `Report Requested`.")


class ReportAccepted(_IntakeEvent):
    """Detail of `Report Accepted`."""

    tenant_id: str
    request_id: str | None
    report_id: UUID = Field(description="What `Report Completed` will name; and GET /api/v1/reports/{id}.")


class RejectedPart(ViewModel):
    """One thing wrong with an event's detail."""

    pointer: str = Field(description="Where in `detail`: a JSON pointer (RFC 6901).")
    detail: str = Field(description="What to do about it.")


class ReportRejected(_IntakeEvent):
    """Detail of `Report Rejected`. No report was made, and the same `requestId` may be used again."""

    tenant_id: str | None = Field(description="As given; null where that is no tenant's id.")
    request_id: str | None
    code: str = Field(description="As the codes of the API's problems: stable, for programs.")
    detail: str = Field(description="For people.")
    errors: list[RejectedPart]
    retry_after_seconds: int | None = Field(description="Where a limit was in the way, when to ask again.")
