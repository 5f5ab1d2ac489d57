"""Events that answer a `Report Requested`: `Report Accepted` and `Report Rejected`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from itertools import islice
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from intake.models import Envelope, RejectedPart, ReportAccepted, ReportRejected, RequestId, TenantId
from resma.request_errors import FieldError, QuotaExceededError, RequestError

# An entry of the bus has at most 256 KB, and validation errors may quote any part of a request.
_MAX_FIELD_ERRORS = 20
_MAX_CHARACTERS = 500


def accept(envelope: Envelope, tenant_id: str, request_id: str | None, report_id: UUID) -> ReportAccepted:
    """Returns the answer to a request for which a report exists."""
    return ReportAccepted(
        id=f"acc_{envelope.id}",
        event_id=envelope.id,
        tenant_id=tenant_id,
        request_id=request_id,
        report_id=report_id,
    )


def reject(envelope: Envelope, error: RequestError) -> ReportRejected:
    """Returns the answer to a request that is rejected. Its size is bounded, whatever the size of the request."""
    return ReportRejected(
        id=f"rej_{envelope.id}",
        event_id=envelope.id,
        tenant_id=_valid_property(envelope, "tenantId", TypeAdapter(TenantId)),
        request_id=_valid_property(envelope, "requestId", TypeAdapter(RequestId)),
        code=error.code,
        detail=_short(error.detail),
        errors=_describe(error.field_errors),
        retry_after_seconds=max(1, math.ceil(error.seconds)) if isinstance(error, QuotaExceededError) else None,
    )


def _valid_property(envelope: Envelope, name: str, kind: TypeAdapter[str]) -> str | None:
    """Returns a property of the detail if it is valid, although the request as a whole may not be."""
    if not isinstance(envelope.detail, dict):
        return None
    try:
        return kind.validate_python(envelope.detail.get(name))
    except ValidationError:
        return None


def _describe(field_errors: Iterable[FieldError]) -> list[RejectedPart]:
    return [
        RejectedPart(pointer=_short(field_error.pointer), detail=_short(field_error.detail))
        for field_error in islice(field_errors, _MAX_FIELD_ERRORS)
    ]


def _short(text: str) -> str:
    """Returns the string cut to `_MAX_CHARACTERS`, with unpaired surrogates replaced, which UTF-8 cannot encode."""
    clean = re.sub("[\ud800-\udfff]", "\ufffd", text)
    return clean if len(clean) <= _MAX_CHARACTERS else clean[: _MAX_CHARACTERS - 1] + "…"
