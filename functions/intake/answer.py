"""What is said on the bus about a request that came there."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from itertools import islice
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from intake.models import Envelope, RejectedPart, ReportAccepted, ReportRejected, RequestId, TenantId
from resma.errors import FieldError, QuotaExceededError, RequestError

# An entry of the bus has 256 KB, and what is wrong with a request may quote any part of it.
_MAX_FAULTS = 20
_MAX_TEXT = 500


def accept(envelope: Envelope, tenant_id: str, request_id: str | None, report_id: UUID) -> ReportAccepted:
    """The answer to a request that has its report."""
    return ReportAccepted(
        id=f"acc_{envelope.id}",
        event_id=envelope.id,
        tenant_id=tenant_id,
        request_id=request_id,
        report_id=report_id,
    )


def reject(envelope: Envelope, error: RequestError) -> ReportRejected:
    """The answer to a request that gets none, and would get none if it came again. Of any size it makes a short one."""
    return ReportRejected(
        id=f"rej_{envelope.id}",
        event_id=envelope.id,
        tenant_id=_given(envelope, "tenantId", TypeAdapter(TenantId)),
        request_id=_given(envelope, "requestId", TypeAdapter(RequestId)),
        code=error.code,
        detail=_short(error.detail),
        errors=_describe(error.field_errors),
        retry_after_seconds=max(1, math.ceil(error.seconds)) if isinstance(error, QuotaExceededError) else None,
    )


def _given(envelope: Envelope, name: str, kind: TypeAdapter[str]) -> str | None:
    """A member of the detail, if it is what it should be: the rest of the request may be to blame."""
    if not isinstance(envelope.detail, dict):
        return None
    try:
        return kind.validate_python(envelope.detail.get(name))
    except ValidationError:
        return None


def _describe(field_errors: Iterable[FieldError]) -> list[RejectedPart]:
    return [
        RejectedPart(pointer=_short(field_error.pointer), detail=_short(field_error.detail))
        for field_error in islice(field_errors, _MAX_FAULTS)
    ]


def _short(text: str) -> str:
    """Cut, and without what is no character (half of a surrogate pair), which no JSON in UTF-8 can hold."""
    clean = re.sub("[\ud800-\udfff]", "\ufffd", text)
    return clean if len(clean) <= _MAX_TEXT else clean[: _MAX_TEXT - 1] + "…"
