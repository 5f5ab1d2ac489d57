"""JSON models of erasures."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from resma.catalog import MAX_FILTER_CHARACTERS
from resma.json_models import RequestModel, ViewModel
from resma.report.status import Status
from resma.string_patterns import NO_NUL

MAX_REPORTS = 500
"""Maximum number of reports of one request."""

_TEXT_SCHEMA: dict[str, Any] = {"maxLength": MAX_FILTER_CHARACTERS, "pattern": NO_NUL}
_FILTER_SCHEMA: dict[str, Any] = {**_TEXT_SCHEMA, "items": _TEXT_SCHEMA}
"""JSON Schema of a filter's value: limits of strings, of which there may be several.

The report type decides which types of values it accepts. It has no `anyOf`, from which the generator of Java clients
makes code that does not compile.
"""

ErasureOutcome = Literal["FOUND", "FILES_DELETED", "REPORT_DELETED", "HELD", "IN_PROGRESS", "FAILED"]


class ErasureRequest(RequestModel):
    """Which reports contain the data of a person, and what is deleted of them."""

    type: str = Field(
        max_length=100,
        json_schema_extra={"pattern": NO_NUL},
        description="Report type. `GET /api/v1/report-types` lists them.",
    )
    filters: dict[str, Any] = Field(
        json_schema_extra={"additionalProperties": _FILTER_SCHEMA},
        description="Values by the names of filters, such as an account number: at least one. They select reports that "
        "were requested with all these values, and split reports that have a file for them.",
    )
    delete_records: bool = Field(
        default=False,
        strict=True,
        description="True: the reports are deleted as by `DELETE /api/v1/reports/{reportId}`, with their filters and "
        "totals, also those whose files were deleted before. False: only their files are deleted.",
    )
    dry_run: bool = Field(
        default=True,
        strict=True,
        description="True or omitted: the reports are listed, and nothing is deleted. False: they are deleted.",
    )


class ErasedReport(ViewModel):
    """A report that contains the data, and what was done with it."""

    report_id: UUID = Field(description="Id of the report.")
    status: Status = Field(description="Status of the report before the deletion.")
    created_at: datetime = Field(description="When the report was requested.")
    outcome: ErasureOutcome = Field(
        description="`FOUND`: it would be deleted (dry run). `FILES_DELETED` or `REPORT_DELETED`: it was. It was kept "
        "if it is `HELD` (it has a legal hold), `IN_PROGRESS` (cancel it first), or `FAILED` (a split report with some "
        "files, which `deleteRecords` or `DELETE /api/v1/reports/{reportId}` deletes)."
    )


class ErasureView(ViewModel):
    """The reports that contain the data of a person."""

    model_config = ConfigDict(title="Erasure")

    dry_run: bool = Field(description="Whether nothing was deleted.")
    items: list[ErasedReport] = Field(
        description=f"Reports that contain the data, at most {MAX_REPORTS}. Those that are kept are last."
    )
    has_more: bool = Field(
        description="Whether there are more reports. If it is not a dry run, send the request again for the next ones."
    )
