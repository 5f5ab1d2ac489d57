"""JSON models of dead letters."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from api.reports.models import ErrorView
from resma.json_models import SINGLE_LINE, SINGLE_LINE_SCHEMA, URI, RequestModel, ViewModel
from resma.writers import Format


class RedriveRequest(RequestModel):
    """Why dead letters are redriven. The body can be omitted."""

    reason: (
        Annotated[str, Field(min_length=1, max_length=500, json_schema_extra=SINGLE_LINE_SCHEMA), SINGLE_LINE] | None
    ) = Field(
        default=None,
        description="Reason for the audit record, such as what was fixed.",
    )


class DeadLetterView(ViewModel):
    """A report that was dead-lettered after its last attempt."""

    report_id: UUID = Field(description="Id of the report.")
    type: str = Field(description="Report type.")
    title: str | None = Field(description="Title that was requested; null: the title of the report type.")
    formats: list[Format] = Field(description="Formats that were requested.")
    attempts: int = Field(description="Number of attempts that failed.")
    redrives: int = Field(description="Number of times that the report had been redriven before.")
    created_at: datetime = Field(description="When the report was requested.")
    dead_lettered_at: datetime = Field(description="When the report was dead-lettered.")
    error: ErrorView = Field(description="Error of the last attempt.")
    report: str = Field(description="URL of the report.", json_schema_extra=URI)


class RedriveView(ViewModel):
    """One redrive of a report, with the error that it had failed with."""

    redrive: int = Field(description="Number of the redrive, from 1.")
    redriven_at: datetime = Field(description="When the report was redriven.")
    redriven_by: str = Field(description="Caller that redrove it, like `subject` of `GET /api/v1/me`.")
    reason: str | None = Field(description="Reason that the caller gave.")
    attempts: int = Field(description="Number of attempts that had failed.")
    error: ErrorView = Field(description="Error of the last of them.")


class DeadLetterDetails(DeadLetterView):
    """A dead letter with its earlier redrives, oldest first."""

    history: list[RedriveView] = Field(description="Earlier redrives, oldest first.")


class DeadLetterList(ViewModel):
    """A page of dead letters, newest request first."""

    items: list[DeadLetterView] = Field(description="Dead letters of this page.")
    next: str | None = Field(description="URL of the next page; null on the last page.", json_schema_extra=URI)


class Redriven(ViewModel):
    """Result of redriving all dead letters."""

    model_config = ConfigDict(title="RedriveResult")

    redriven: int = Field(description="Number of dead letters that were redriven.")
