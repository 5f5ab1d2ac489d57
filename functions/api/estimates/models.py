"""What a report would come to, as JSON."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from resma.json_models import ViewModel
from resma.writers import Format


class FileEstimate(ViewModel):
    """Estimate of one file of the report."""

    format: Format = Field(description="Format of the file.")
    bytes: int = Field(description="Estimated size in bytes.")
    pages: int | None = Field(description="Estimated number of pages of a PDF; null for other formats.")


class QueueEstimate(ViewModel):
    """What is ahead of the report in the queue."""

    ahead: int = Field(description="Number of your own reports that wait.")
    seconds: float | None = Field(
        description="Estimated time until the report starts, from your own reports; null if it is unknown."
    )


class Remark(ViewModel):
    """A note with a code, for programs that have their own wording."""

    model_config = ConfigDict(title="EstimateRemark")

    code: str = Field(description="Stable code of the note.")
    values: dict[str, Any] = Field(description="Values for the wording: numbers, or lists of names.")
    text: str = Field(description="The note in words.")


class EstimateView(ViewModel):
    """Estimate of a report if it were requested now."""

    model_config = ConfigDict(title="ReportEstimate")

    rows: int = Field(description="Number of rows.")
    is_exact: bool = Field(
        description="Whether the rows were counted. If counting would take too long, the database planner's estimate "
        "is used."
    )
    files: list[FileEstimate] = Field(description="Estimate of each file, in the order of the formats.")
    seconds: float = Field(
        description="Estimated time to generate the report once it starts: from your recent reports of the type and "
        "formats, or, if there are none, from a baseline measurement."
    )
    queue: QueueEstimate = Field(description="What is ahead of the report in the queue.")
    notes: list[str] = Field(description="What to know before requesting the report.")
    remarks: list[Remark] = Field(description="The same as `notes`, each with a code.")
