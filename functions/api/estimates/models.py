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


class EstimateWarning(ViewModel):
    """Something to know before the report is requested."""

    code: str = Field(description="Stable code of the warning.")
    detail: str = Field(description="The warning as a sentence.")
    values: dict[str, Any] = Field(
        description="Values of the sentence, for programs that write their own: numbers, or lists of names."
    )


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
    warnings: list[EstimateWarning] = Field(
        description="What to know before the report is requested, most important first. Empty if there is nothing."
    )
