"""Dead letters as JSON."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from api.models import ErrorView
from resma.wire import RequestModel, ViewModel
from resma.writers import Format


class RedriveRequest(RequestModel):
    """Body of a redrive; it may be left out."""

    reason: str | None = Field(
        default=None,
        min_length=1,
        max_length=500,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="Why, for the record: what was mended.",
    )


class DeadLetterView(ViewModel):
    """A report that was given up after its last attempt."""

    report_id: UUID
    type: str
    formats: list[Format]
    attempts: int
    redrives: int = Field(description="How often it had been redriven.")
    created_at: datetime
    dead_lettered_at: datetime
    error: ErrorView
    report: str = Field(description="Address of the report.")


class RedriveView(ViewModel):
    """One time that it was sent on its way again, and what it had died of."""

    redrive: int
    redriven_at: datetime
    redriven_by: str
    reason: str | None
    attempts: int
    error: ErrorView


class DeadLetterDetails(DeadLetterView):
    """A dead letter with its redrives so far, oldest first."""

    history: list[RedriveView]


class DeadLetterList(ViewModel):
    """A page of dead letters, newest request first."""

    items: list[DeadLetterView]
    next: str | None = Field(description="Address of the next page, if there is one.")


class Redriven(ViewModel):
    """How many dead letters were sent on their way again."""

    redriven: int
