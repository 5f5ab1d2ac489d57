"""What goes in and out of the API, as JSON. Names are camelCase outside, snake_case inside."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from resma.writers import Format

Status = Literal["PENDING", "GENERATING", "READY", "FAILED", "CANCELLED", "EXPIRED"]


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class ReportRequest(_Model):
    """Body of `POST /api/v1/reports/generate`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"type": "TRANSACTIONS", "format": "PDF", "filters": {"from": "2024-01-01"}}},
    )

    type: str = Field(max_length=100, description="A report type: GET /api/v1/report-types lists them.")
    format: Format = Field(description="The file's format.")
    filters: dict[str, Any] = Field(
        default_factory=dict, description="As the report type's JSON Schema of filters says."
    )
    callback_url: str | None = Field(
        default=None,
        max_length=2000,
        description="An http(s) address that is told, signed as Standard Webhooks says, when the report ends.",
    )


class Progress(_Model):
    """How far a report is. `rows_expected` and `percent` are known once the snapshot has been counted."""

    rows_done: int
    rows_expected: int | None
    percent: float | None


class TotalView(_Model):
    """Rows and amount of one currency; the amount is text so that no digit is lost."""

    currency: str
    rows: int
    amount: str


class Metrics(_Model):
    """What a finished report took."""

    seconds: dict[str, float] = Field(description="By stage, `generate` in all, and `queued` before it.")
    rows_per_second: int
    peak_rss_mb: float
    parts: int


class ErrorView(_Model):
    """The last attempt's error. In status PENDING another attempt follows."""

    code: str
    detail: str


class Links(_Model):
    """Addresses that stay good for the report's life."""

    self_: str = Field(alias="self")
    download: str | None


class ReportView(_Model):
    """A report as the API shows it."""

    id: UUID
    type: str
    format: Format
    filters: dict[str, Any]
    status: Status
    progress: Progress
    attempt: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    as_of: datetime | None
    rows: int | None
    bytes: int | None
    sha256: str | None
    totals: list[TotalView] | None
    truncated: bool = Field(default=False, description="Always false: a report is whole or it is not there.")
    metrics: Metrics | None
    error: ErrorView | None
    links: Links


class ReportList(_Model):
    """A page of reports, newest first."""

    items: list[ReportView]
    next: str | None = Field(description="Address of the next page, if there is one.")


class ColumnView(_Model):
    """A column of a report type."""

    name: str
    heading: str
    kind: str


class ReportTypeView(_Model):
    """A report type, with the JSON Schema that its filters must meet."""

    type: str
    title: str
    description: str
    formats: list[Format]
    columns: list[ColumnView]
    filters: dict[str, Any]


class ReportTypeList(_Model):
    """All report types."""

    items: list[ReportTypeView]
