"""What a report would come to, as JSON."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from resma.wire import ViewModel
from resma.writers import Format


class FileEstimate(ViewModel):
    """One file of the report."""

    format: Format
    bytes: int
    pages: int | None = Field(description="Of a PDF.")


class QueueEstimate(ViewModel):
    """What stands before it."""

    ahead: int = Field(description="Reports of your own that wait.")
    seconds: float | None = Field(
        description="Until its turn comes, as far as your own reports say; null where nobody knows."
    )


class Remark(ViewModel):
    """A note, for programs that have words of their own."""

    code: str
    values: dict[str, Any] = Field(description="What the code's words need: numbers, or lists of names.")
    text: str


class EstimateView(ViewModel):
    """What a report would come to, if it were asked for now."""

    rows: int
    is_exact: bool = Field(
        description="Whether the rows were counted; otherwise counting would take long, and the planner guesses."
    )
    files: list[FileEstimate]
    seconds: float = Field(
        description="To make it, from when its turn comes: as your recent reports of the type and these formats took, "
        "or, where there are none, as was measured once."
    )
    queue: QueueEstimate
    notes: list[str] = Field(description="What to know before asking for it.")
    remarks: list[Remark] = Field(description="The same as `notes`, each with a code.")
