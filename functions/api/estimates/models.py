"""JSON models of estimates."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from resma.json_models import ViewModel
from resma.writers import Format


class FileEstimate(ViewModel):
    """Estimate of one file of the report; of a split report, of all files of a format together."""

    format: Format = Field(description="Format of the file.")
    bytes: int = Field(description="Estimated size in bytes.")
    pages: int | None = Field(description="Estimated number of pages of a PDF; null for other formats.")

    def times(self, files: int) -> FileEstimate:
        """Returns the estimate of this number of such files together."""
        pages = None if self.pages is None else self.pages * files
        return self.model_copy(update={"bytes": self.bytes * files, "pages": pages})


class QueueEstimate(ViewModel):
    """Reports that are ahead of the report in the queue."""

    ahead: int = Field(description="Number of your own reports that are queued.")
    seconds: float | None = Field(
        description="Estimated time until the report starts, from your own reports; null if it is unknown."
    )


class EstimateWarning(ViewModel):
    """Warning about a report that has not been requested yet."""

    code: str = Field(description="Stable code of the warning.")
    detail: str = Field(description="The warning in words.")
    values: dict[str, Any] = Field(
        description="Values in the sentence, for programs that show their own words: numbers, or lists of names."
    )


class EstimateView(ViewModel):
    """Estimate of the report that a request would generate now."""

    model_config = ConfigDict(title="ReportEstimate")

    rows: int = Field(description="Number of rows.")
    is_exact: bool = Field(
        description="Whether the rows were counted. If counting would take too long, the database planner's estimate "
        "is used."
    )
    keys: int | None = Field(
        description="Number of keys of a split report, which has a file in each format for each. Null for other "
        "reports, and if counting would take too long."
    )
    files: list[FileEstimate] = Field(description="Estimate of the file or files of each format, in their order.")
    seconds: float = Field(
        description="Estimated time to generate the report once it starts: from your recent reports of the type and "
        "formats, or, if none exist, from a baseline measurement."
    )
    queue: QueueEstimate = Field(description="Reports that are ahead of the report in the queue.")
    warnings: list[EstimateWarning] = Field(description="Warnings about the report, most important first.")
