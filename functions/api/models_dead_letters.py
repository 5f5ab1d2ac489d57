"""Dead letters as JSON."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from api.models import ErrorView
from resma.writers import Format


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class RedriveRequest(_Model):
    """Body of a redrive; it may be left out."""

    model_config = ConfigDict(extra="forbid")

    reason: str | None = Field(
        default=None,
        min_length=1,
        max_length=500,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="Why, for the record: what was mended.",
    )


class DeadLetterView(_Model):
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


class RedriveView(_Model):
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


class DeadLetterList(_Model):
    """A page of dead letters, newest request first."""

    items: list[DeadLetterView]
    next: str | None = Field(description="Address of the next page, if there is one.")


class Redriven(_Model):
    """How many dead letters were sent on their way again."""

    redriven: int
