"""JSON models of legal holds."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from resma.jobs.holds import MAX_REASON
from resma.json_models import SINGLE_LINE, SINGLE_LINE_SCHEMA, RequestModel, ViewModel


class HoldRequest(RequestModel):
    """A legal hold of a report."""

    reason: Annotated[
        str, Field(min_length=1, max_length=MAX_REASON, json_schema_extra=SINGLE_LINE_SCHEMA), SINGLE_LINE
    ] = Field(description="Why the files must be kept, such as the number of a case. It is kept after the report.")


class HoldView(ViewModel):
    """A legal hold in the history of a report."""

    model_config = ConfigDict(title="Hold")

    reason: str = Field(description="Why the files must be kept.")
    placed_at: datetime = Field(description="When the hold was placed.")
    placed_by: str = Field(description="Caller that placed it, like `subject` of `GET /api/v1/me`.")
    released_at: datetime | None = Field(description="When the hold was released; null for the hold in force.")
    released_by: str | None = Field(description="Caller that released it.")


class HoldList(ViewModel):
    """The history of a report's legal holds, latest first."""

    items: list[HoldView] = Field(description="Holds, latest first, at most 200.")
